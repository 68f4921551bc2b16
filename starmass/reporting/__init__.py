"""Evidence to pages: tables and figures."""
