import Glibc
import Hypervisor

/// The running guests that a command speaks to.
enum Instances {
  /// Where they are found.
  static func directory() throws(LkvmFailure) -> InstanceDirectory {
    do {
      return try InstanceDirectory { name in unsafe getenv(name).map { unsafe String(cString: $0) } }
    } catch {
      throw LkvmFailure(error.description)
    }
  }

  /// Sends `request` to each guest that the options name, and prints what it says.
  ///
  /// - Throws: the first failure, after all have been asked.
  static func send(_ request: ControlRequest, to options: InstanceOptions) throws {
    let directory = try directory()
    let names: [String]
    do {
      names = options.all ? try directory.runningInstances().map(\.name) : options.name
    } catch {
      throw LkvmFailure(error.description)
    }
    var failure: LkvmFailure?
    for name in names {
      do {
        let text = try ask(request, name, directory)
        if !text.isEmpty { print(text, terminator: text.hasSuffix("\n") ? "" : "\n") }
      } catch {
        if let earlier = failure { StandardError.writeError(earlier.description) }
        failure = error
      }
    }
    if let failure { throw failure }
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
