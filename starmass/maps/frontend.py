"""yt frontend for SFUMATO dumps."""
