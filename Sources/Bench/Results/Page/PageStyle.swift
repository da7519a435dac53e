/// How a page looks: readable on light and dark, on a screen and in print.
enum PageStyle {
  /// The content of the page's `style`.
  static let css = """
    :root { color-scheme: light dark; --ground: #ffffff; --text: #1b1b1b; --line: #cccccc; --shade: #f3f3f3; --mark: #8a4b00; --alarm: #a40000; }
    @media (prefers-color-scheme: dark) {
      :root { --ground: #16181c; --text: #e6e6e6; --line: #44474d; --shade: #22252a; --mark: #f0b060; --alarm: #ff8a80; }
    }
    body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--ground); color: var(--text);
      font: 1rem/1.5 system-ui, "DejaVu Sans", sans-serif; }
    h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; border-bottom: 1px solid var(--line); margin-top: 2rem; }
    .notice { border-left: 4px solid var(--mark); padding: 0.3rem 0.8rem; background: var(--shade); }
    .distrust { border-left: 4px solid var(--alarm); padding: 0.3rem 0.8rem; background: var(--shade); color: var(--alarm); }
    .wide { overflow-x: auto; }
    table { border-collapse: collapse; font-size: 0.85rem; }
    th, td { border-bottom: 1px solid var(--line); padding: 0.2rem 0.6rem; text-align: left; vertical-align: top; }
    thead th { background: var(--shade); }
    #results td:first-child { min-width: 18rem; }
    .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
    figure { margin: 1.5rem 0; }
    figure svg { display: block; width: 100%; height: auto; background: #ffffff; border: 1px solid var(--line); }
    figure svg text { font-family: "DejaVu Sans", Verdana, sans-serif; }
    figcaption { font-size: 0.85rem; }
    code, pre { font-family: "DejaVu Sans Mono", monospace; font-size: 0.85em; overflow-wrap: anywhere; }
    """
}
