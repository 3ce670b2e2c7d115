"""Colors of charts and sheets: of Okabe and Ito's palette for the color-blind, and few."""

BLUE, SKY, ORANGE = "#0072B2", "#56B4E9", "#D55E00"
GREY, INK, PALE = "#767676", "#1F2933", "#E4E7EB"
AGES = ("#C6DBEF", "#9ECAE1", "#6BAED6", "#3182BD", "#08519C")  # light to dark: new to old


def lighten(color: str, share: float = 0.5) -> str:
    """Return a color with so much white in it that black text is read on it."""
    parts = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(part + (255 - part) * share):02X}" for part in parts)
