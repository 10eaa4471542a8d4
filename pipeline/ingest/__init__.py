"""Scans come in: watch the folder, wait for stable files, open PDFs and images, quarantine."""
