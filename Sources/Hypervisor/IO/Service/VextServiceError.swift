public import SystemPackage

/// Why a disk of vextd's cannot be had, in a sentence that names the socket.
public enum VextServiceError: Error, Equatable, CustomStringConvertible, Sendable {
  /// No connection.
  case cannotConnect(path: String, Errno)
  /// The service speaks another version.
  case wrongVersion(path: String, UInt32)
  /// It has no disk of that name.
  case noSuchDisk(path: String, name: String)
  /// This user may not open the disk.
  case denied(path: String, name: String)
  /// A disk that can be written, and that another client has.
  case inUse(path: String, name: String)
  /// It refused another request.
  case refused(path: String, request: String, Errno)
  /// It has closed the connection, answers nothing, or answers something else than was asked.
  case lost(path: String)
  /// The guest's memory cannot be shared.
  case privateMemory

  /// One line for a person.
  public var description: String {
    switch self {
    case .cannotConnect(let path, .noSuchFileOrDirectory), .cannotConnect(let path, .connectionRefused):
      "vextd at \(path): nobody listens; start it with 'vextd --socket \(path) --disk NAME=PATH'"
    case .cannotConnect(let path, let errno): "vextd at \(path): \(errno)"
    case .wrongVersion(let path, let version):
      "vextd at \(path): it speaks version \(version) of the protocol; \(VextServiceRequest.version) is needed"
    case .noSuchDisk(let path, let name):
      "vextd at \(path): it has no disk '\(name)'; 'vextd ctl list --socket \(path)' lists them"
    case .denied(let path, let name): "vextd at \(path): this user may not open the disk '\(name)'"
    case .inUse(let path, let name):
      "vextd at \(path): the disk '\(name)' is in use by another client; only one may write"
    case .refused(let path, let request, let errno): "vextd at \(path): \(request): \(errno)"
    case .lost(let path): "vextd at \(path): it closed the connection, or does not answer; its log says why"
    case .privateMemory: "the machine's memory is not shared (MachineConfiguration.sharesMemory)"
    }
  }
}
