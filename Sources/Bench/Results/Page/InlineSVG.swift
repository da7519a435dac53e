/// An SVG file as an element of a page that holds several of them.
enum InlineSVG {
  /// The element `svg` of `file`, whose names get the prefix `prefix`: within a page, a name may be given once only.
  ///
  /// - Returns: nil if there is no such element.
  static func element(of file: String, prefix: String) -> String? {
    // What is before it (XML's declaration, a document type at another place) has no meaning in a page.
    guard let start = file.firstRange(of: "<svg"), let end = file.lastRange(of: "</svg>") else { return nil }
    var text = String(file[start.lowerBound..<end.upperBound])
    for quote in ["'", "\""] {
      text = text.replacing(" id=\(quote)", with: " id=\(quote)\(prefix)-")
      text = text.replacing("href=\(quote)#", with: "href=\(quote)#\(prefix)-")
    }
    return text.replacing("url(#", with: "url(#\(prefix)-")
  }
}

extension String {
  /// The last place of `other`.
  fileprivate func lastRange(of other: String) -> Range<String.Index>? { ranges(of: other).last }
}
