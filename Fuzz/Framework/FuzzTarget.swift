/// Something that is fed inputs.
protocol FuzzTarget: AnyObject {
  /// Runs one input, on devices made for it alone: what it does must not depend on inputs before it, or a replay would
  /// do something else.
  ///
  /// - Throws: ``FuzzFailure`` where a rule is broken that holds whatever a guest does.
  func run(_ input: inout FuzzInput) throws
}

/// A rule that was broken.
struct FuzzFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// Throws unless `condition` holds.
  static func check(_ condition: Bool, _ description: @autoclosure () -> String) throws {
    guard condition else { throw FuzzFailure(description()) }
  }
}
