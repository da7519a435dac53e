extension DecodingError {
  /// What is wrong with a JSON file, and where in it: `plan.cells[3].fs: ...`.
  var reason: String {
    switch self {
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      Self.reason(context.debugDescription, at: context.codingPath)
    case .keyNotFound(let key, let context):
      Self.reason("there is no \(key.stringValue)", at: context.codingPath)
    @unknown default: "\(self)"
    }
  }

  private static func reason(_ text: String, at path: [any CodingKey]) -> String {
    let place = path.reduce("") { place, key in
      if let index = key.intValue { return "\(place)[\(index)]" }
      return place.isEmpty ? key.stringValue : "\(place).\(key.stringValue)"
    }
    let sentence = text.hasSuffix(".") ? String(text.dropLast()) : text
    return place.isEmpty ? sentence : "\(place): \(sentence)"
  }
}
