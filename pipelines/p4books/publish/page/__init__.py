"""One HTML file with the figures that people look at first, to be opened, printed and sent."""
