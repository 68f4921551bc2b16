"""Evidence to pages: tables, figures and the sentences beside them."""
