/// A moment in UTC in the Gregorian calendar.
struct CalendarTime: Equatable {
  let year: UInt64
  /// From 1.
  let month: UInt64
  /// From 1.
  let day: UInt64
  /// From 1, which is Sunday.
  let weekday: UInt64
  let hour: UInt64
  let minute: UInt64
  let second: UInt64

  private static let secondsPerDay: UInt64 = 86_400
  private static let daysPerEra: UInt64 = 146_097
  /// Days from 0000-03-01, where the eras begin, to 1970-01-01.
  private static let daysTo1970: UInt64 = 719_468
  /// Days in each month from March on; leap days come last.
  private static let monthLengths: [UInt64] = [31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 29]

  /// The moment `seconds` after 1970-01-01 00:00.
  ///
  /// Years are counted from March on, so that a leap day is a year's last: 400 of them are an era of always the same
  /// length.
  init(secondsSince1970 seconds: UInt64) {
    let days = seconds / Self.secondsPerDay
    hour = seconds % Self.secondsPerDay / 3600
    minute = seconds % 3600 / 60
    second = seconds % 60
    weekday = (days + 4) % 7 + 1
    let shifted = days + Self.daysTo1970
    var rest = shifted % Self.daysPerEra
    // Each fourth century of an era, and each fourth year of a century, may be a day longer than the others.
    let century = min(rest / 36_524, 3)
    rest -= century * 36_524
    let quadrennium = rest / 1461
    rest -= quadrennium * 1461
    let yearOfFour = min(rest / 365, 3)
    rest -= yearOfFour * 365
    var monthFromMarch = 0
    while rest >= Self.monthLengths[monthFromMarch] {
      rest -= Self.monthLengths[monthFromMarch]
      monthFromMarch += 1
    }
    let isAfterNewYear = monthFromMarch >= 10
    year =
      shifted / Self.daysPerEra * 400 + century * 100 + quadrennium * 4 + yearOfFour
      + (isAfterNewYear ? 1 : 0)
    month = UInt64(isAfterNewYear ? monthFromMarch - 9 : monthFromMarch + 3)
    day = rest + 1
  }
}
