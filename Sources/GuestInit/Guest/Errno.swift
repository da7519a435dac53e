/// Why the kernel refused a system call.
struct Errno: Error, Equatable {
  let code: Int64

  static var noEntry: Self { Self(code: 2) }
  static var noExecutable: Self { Self(code: 8) }
  static var noChild: Self { Self(code: 10) }
  static var accessDenied: Self { Self(code: 13) }
  static var busy: Self { Self(code: 16) }
  static var exists: Self { Self(code: 17) }
  static var noDevice: Self { Self(code: 19) }
  static var notDirectory: Self { Self(code: 20) }
  static var fileTooLarge: Self { Self(code: 27) }

  static func == (left: Self, right: Self) -> Bool { left.code == right.code }

  /// The message for the code; `refused by the kernel` for codes that a guest's start rarely meets.
  var text: Text {
    switch code {
    case 1: "operation not permitted"
    case 2: "no such file, directory or device"
    case 5: "input/output error"
    case 6: "no such device or address"
    case 8: "not an executable"
    case 12: "out of memory"
    case 13: "permission denied"
    case 15: "block device required"
    case 16: "device or resource busy"
    case 19: "no such device or file system type"
    case 20: "not a directory"
    case 21: "is a directory"
    case 22: "invalid argument, or not such a file system"
    case 27: "too large"
    case 28: "no space left"
    case 30: "read-only file system"
    case 40: "too many levels of symbolic links"
    case 95: "not supported"
    default: "refused by the kernel"
    }
  }
}
