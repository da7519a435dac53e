/// A share that is written in percent: `5%` or `0.5%`.
struct Percentage: Equatable, Sendable {
  /// The share: 0.05 for `5%`.
  let share: Double

  /// The share that `text` writes; nil if it is no number of percent above 0.
  init?(_ text: String) {
    guard text.hasSuffix("%"), let percent = DecimalText.number(text.dropLast()), percent > 0 else {
      return nil
    }
    share = percent / 100
  }
}
