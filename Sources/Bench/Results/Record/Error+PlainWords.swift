import Foundation
import SystemPackage

extension Error {
  /// Why a call of Foundation failed, in the kernel's words where they are known: "Is a directory" says more than the number of an error
  /// of Cocoa.
  var plainWords: String {
    let error = self as NSError
    if error.domain == NSPOSIXErrorDomain {
      return Errno(rawValue: Int32(truncatingIfNeeded: error.code)).description
    }
    let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError
    if let cause, cause.domain == NSPOSIXErrorDomain {
      return Errno(rawValue: Int32(truncatingIfNeeded: cause.code)).description
    }
    return localizedDescription
  }
}
