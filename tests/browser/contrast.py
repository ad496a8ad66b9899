"""Whether text can be read: the contrast of every visible text with what is behind it (WCAG 2.2, 1.4.3)."""

from playwright.async_api import Page

LEAST = 4.5
"""Of text of the usual size."""
FAINT = """(least) => {
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const over = ([r, g, b, a = 1], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
    const linear = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const behind = (node) => {
        const chain = [];
        for (let at = node; at; at = at.parentElement) chain.push(parts(getComputedStyle(at).backgroundColor));
        return chain.reverse().reduce((below, colour) => over(colour, below), [255, 255, 255]);
    };
    const found = [];
    for (const node of document.querySelectorAll("body *")) {
        const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
        if (!own || node.closest("svg, script, style, noscript, .skip, .unseen") || !node.checkVisibility()) continue;
        const ground = behind(node), text = over(parts(getComputedStyle(node).color), ground);
        const [a, b] = [light(ground), light(text)];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const said = node.textContent.trim().slice(0, 40);
        if (ratio < least) found.push(`${node.className || node.tagName} "${said}" ${ratio.toFixed(2)}`);
    }
    return found;
}"""
NAMELESS = """() => [...document.querySelectorAll("button, select, input, a[href], section, [role]")]
    .filter((node) => node.matches(":not([role])") || ["region", "img", "group"].includes(node.getAttribute("role")))
    .filter((node) => node.checkVisibility() && !node.closest(".modebar"))
    .filter((node) => !(node.getAttribute("aria-label") || node.labels?.length
        || (node.matches("button, a") && node.textContent.trim())
        || document.getElementById(node.getAttribute("aria-labelledby"))?.textContent.trim()
        || (node.matches("section") && node.querySelector("h2"))))
    .map((node) => node.outerHTML.slice(0, 120))"""


async def unreadable(page: Page) -> list[str]:
    """Return what is too faint, and what has no name for those who cannot see it."""
    faint: list[str] = await page.evaluate(FAINT, LEAST)
    nameless: list[str] = await page.evaluate(NAMELESS)
    return faint + nameless
