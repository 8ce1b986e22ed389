"""Reports of runs as Markdown, HTML, CSV or JSON."""

FORMATS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".csv": "csv",
    ".json": "json",
}
"""The format of a report by the ending of its file."""
