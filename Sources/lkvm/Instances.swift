import Glibc
import HostSystem
import Hypervisor

/// The running guests that a command speaks to.
enum Instances {
  /// The directory of the guests' sockets.
  static func directory() throws(LkvmFailure) -> InstanceDirectory {
    do {
      return try InstanceDirectory { name in unsafe getenv(name).map { unsafe String(cString: $0) } }
    } catch {
      throw LkvmFailure(error.description)
    }
  }

  /// Sends `request` to each selected guest, and prints the answer.
  ///
  /// - Parameters:
  ///   - state: a guest that is in this state already is left alone, and that is printed.
  ///   - done: what is printed of each other guest, as in "Guest NAME paused".
  /// - Throws: the last failure, after all guests have been asked; the earlier ones are printed.
  static func send(
    _ request: ControlRequest, to selection: GuestSelection, unless state: ControlState? = nil,
    done: String? = nil
  ) throws {
    let directory = try directory()
    let names: [String]
    do {
      names = selection.all ? try directory.runningInstances().map(\.name) : selection.names
    } catch {
      throw LkvmFailure(error.description)
    }
    var failure: LkvmFailure?
    for name in names {
      do {
        if let state, try isAlready(state, name, directory) {
          print("Guest \(name) is already \(state)")
          continue
        }
        let text = try ask(request, name, directory)
        if !text.isEmpty { print(text, terminator: text.hasSuffix("\n") ? "" : "\n") }
        if let done { print("Guest \(name) \(done)") }
      } catch {
        if let earlier = failure { StandardError.writeError(earlier.description) }
        failure = error
      }
    }
    if let failure { throw failure }
  }

  private static func isAlready(
    _ state: ControlState, _ name: String, _ directory: InstanceDirectory
  ) throws(LkvmFailure) -> Bool {
    do { return try directory.connect(to: name).state() == state } catch let error as InstanceError {
      throw LkvmFailure(error.description)
    } catch {
      throw LkvmFailure("\(name): \(error)")
    }
  }

  private static func ask(
    _ request: ControlRequest, _ name: String, _ directory: InstanceDirectory
  ) throws(LkvmFailure) -> String {
    let reply: ControlReply
    do {
      reply = try directory.connect(to: name).send(request)
    } catch let error as InstanceError {
      throw LkvmFailure(error.description)
    } catch {
      throw LkvmFailure("\(name): \(error)")
    }
    switch reply {
    case .ok(let bytes): return String(decoding: bytes, as: UTF8.self)
    case .failed(let reason): throw LkvmFailure("\(name): \(reason)")
    }
  }
}
