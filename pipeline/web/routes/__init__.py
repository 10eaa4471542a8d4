"""The routes, a file for each room of the application."""
