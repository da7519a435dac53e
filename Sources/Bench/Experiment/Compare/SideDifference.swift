/// Finds the columns in which the options of two sides of an experiment differ.
enum SideDifference {
  /// Columns of the configuration that have no value on both sides.
  ///
  /// Where an option has a value on each side, the values are compared with each other and must not keep the boots apart.
  static func columns(_ first: [BootSample], _ second: [BootSample]) -> Set<String> {
    let all = ConfigurationKey.varyingColumns(of: (first + second).map(\.configuration))
    let differing = all.filter { column in
      Set(first.map { $0.configuration.values[column] }).isDisjoint(
        with: Set(second.map { $0.configuration.values[column] }))
    }
    return Set(differing)
  }
}
