"""What people said of routes: kept in a log, exchanged as files, turned into cases."""
