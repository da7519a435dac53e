/// An SVG file as an element of a page that holds several of them.
enum InlineSVG {
  /// The element `svg` of `file`, whose names get the prefix `prefix`: within a page, a name may be given once only.
  ///
  /// - Parameter title: What a screen reader calls it, in place of the drawing program's name.
  /// - Returns: nil if there is no such element.
  static func element(of file: String, prefix: String, title: String) -> String? {
    // What is before it (XML's declaration, a document type at another place) has no meaning in a page.
    guard let start = file.firstRange(of: "<svg"), let end = file.lastRange(of: "</svg>") else { return nil }
    var text = String(file[start.lowerBound..<end.upperBound])
    for quote in ["'", "\""] {
      text = text.replacing(" id=\(quote)", with: " id=\(quote)\(prefix)-")
      text = text.replacing("href=\(quote)#", with: "href=\(quote)#\(prefix)-")
    }
    text = text.replacing("url(#", with: "url(#\(prefix)-")
    // The figure's caption says it, and a picture's parts are read in no order that makes sense.
    text = text.replacing(#/\s*<(title|desc)>[^<]*</(title|desc)>/#.ignoresCase(), with: "")
    return "<svg role=\"img\" aria-label=\"\(HTMLText.escaped(title))\"" + text.dropFirst("<svg".count)
  }
}

extension String {
  /// The last place of `other`.
  fileprivate func lastRange(of other: String) -> Range<String.Index>? { ranges(of: other).last }
}
