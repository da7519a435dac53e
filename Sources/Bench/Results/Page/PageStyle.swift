/// How a page looks: readable on light and dark, on a screen and in print.
enum PageStyle {
  /// The content of the page's `style`.
  static let css = """
    :root { color-scheme: light dark; --ground: #ffffff; --text: #1b1b1b; --line: #cccccc; --shade: #f3f3f3; --mark: #8a4b00; --alarm: #a40000; }
    @media (prefers-color-scheme: dark) {
      :root { --ground: #16181c; --text: #e6e6e6; --line: #44474d; --shade: #22252a; --mark: #f0b060; --alarm: #ff8a80; }
    }
    [hidden] { display: none !important; }
    a { color: inherit; }
    :focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; }
    body { margin: 0 auto; max-width: 84rem; padding: 1rem; background: var(--ground); color: var(--text);
      font: 1rem/1.5 system-ui, "DejaVu Sans", sans-serif; }
    p, ul, details, #figures figure { max-width: 62rem; }
    h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; border-bottom: 1px solid var(--line); margin-top: 2rem; }
    .notice { border-left: 4px solid var(--mark); padding: 0.3rem 0.8rem; background: var(--shade); }
    .distrust { border-left: 4px solid var(--alarm); padding: 0.3rem 0.8rem; background: var(--shade); color: var(--alarm); }
    .wide { overflow-x: auto; }
    table { border-collapse: collapse; font-size: 0.85rem; }
    th, td { border-bottom: 1px solid var(--line); padding: 0.2rem 0.6rem; text-align: left; vertical-align: top; }
    thead th { background: var(--shade); }
    #results td:first-child { min-width: 18rem; } #path-table td:last-child { min-width: 9rem; }
    .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
    figure { margin: 1.5rem 0; }
    caption { text-align: left; padding: 0.3rem 0; }
    th[scope="row"] { font-weight: normal; }
    #path-table th[scope="row"], #path-table td:nth-child(2) { white-space: nowrap; } #path-table thead th { white-space: normal; }
    thead button { font: inherit; font-weight: bold; color: inherit; background: none; border: 0; padding: 0; text-align: inherit; cursor: pointer; text-decoration: underline dotted; }
    th[aria-sort="ascending"] button::after { content: " \\25B2"; } th[aria-sort="descending"] button::after { content: " \\25BC"; }
    nav ul { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; padding: 0; list-style: none; }
    #controls { display: flex; flex-wrap: wrap; gap: 0.5rem 1.5rem; margin: 1rem 0; }
    #controls input, #controls select { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--text); max-width: 100%; }
    .multiples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 0.5rem 1rem; }
    .multiples figure { margin: 0; }
    figure svg { display: block; width: 100%; height: auto; background: #ffffff; border: 1px solid var(--line); }
    figure svg.dots { background: var(--ground); }
    .dots text { fill: var(--text); font-size: 11px; }
    .dots .grid { stroke: var(--line); } .dots .one { stroke: var(--text); stroke-dasharray: 3 2; }
    .tail .curve { fill: none; stroke-width: 1.8; } .tail .other { fill: none; stroke: var(--line); stroke-width: 1; }
    #live-line { max-width: 40rem; } .live-path { fill: none; stroke: var(--mark); stroke-width: 1.5; }
    #live button { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--text); cursor: pointer; }
    .dots .whisker { stroke: var(--text); stroke-width: 1.2; fill: none; } .dots .mark { stroke: var(--text); stroke-width: 0.8; }
    figure svg text { font-family: "DejaVu Sans", Verdana, sans-serif; }
    figcaption { font-size: 0.85rem; }
    pre { white-space: pre-wrap; }
    code, pre { font-family: "DejaVu Sans Mono", monospace; font-size: 0.85em; overflow-wrap: anywhere; }
    @media screen and (max-width: 40rem) { #figures figure { overflow-x: auto; } #figures figure svg:not(.dots) { min-width: 36rem; } }
    @media (max-width: 40rem) { body { padding: 0.5rem; } h1 { font-size: 1.3rem; } #results td:first-child { min-width: 9rem; } }
    @media print {
      :root { color-scheme: light; --ground: #ffffff; --text: #000000; --line: #999999; --shade: #eeeeee; --mark: #8a4b00; --alarm: #a40000; }
      body { max-width: none; font-size: 9pt; } nav, #controls, #live { display: none; } .wide { overflow: visible; }
      figure, tr { break-inside: avoid; } h2 { break-after: avoid; } table { font-size: 7pt; }
    }
    """
}
