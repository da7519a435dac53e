/// The identity of a file on the wire, as long as the file exists.
struct NinePQid: Equatable {
  /// Bits of the type.
  struct Kind: OptionSet, Equatable {
    let rawValue: UInt8
    static let directory = Kind(rawValue: 0x80)
    static let symbolicLink = Kind(rawValue: 0x02)
    static let file: Kind = []
  }

  var kind: Kind
  /// Changes with the file's contents and status.
  var version: UInt32
  /// Different for any two files of a share.
  var path: UInt64
}
