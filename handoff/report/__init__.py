"""Values to words, tables, figures and JSON; used by the page, the command line and jobs alike."""
