/// Finds the columns in which two sides of an experiment differ by what was asked of them.
enum SideDifference {
  /// Columns of the configuration that have no value on both sides.
  ///
  /// Where the sides set an option to two values, these are what is compared, and not what tells their boots apart.
  static func columns(_ first: [BootSample], _ second: [BootSample]) -> Set<String> {
    let all = ConfigurationKey.varyingColumns(of: (first + second).map(\.configuration))
    let differing = all.filter { column in
      Set(first.map { $0.configuration.values[column] }).isDisjoint(
        with: Set(second.map { $0.configuration.values[column] }))
    }
    return Set(differing)
  }
}
