/// Something that is fed inputs.
protocol FuzzTarget: AnyObject {
  /// Runs one input, on devices made for it alone: what it does must not depend on inputs before it, or a replay would
  /// do something else.
  ///
  /// - Throws: ``FuzzFailure`` where a rule is broken that holds whatever a guest does.
  func run(_ input: inout FuzzInput) throws
}

/// A rule that was broken.
struct FuzzFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  /// Throws unless `condition` holds.
  static func check(_ condition: Bool, _ description: @autoclosure () -> String) throws {
    guard condition else { throw FuzzFailure(description()) }
  }
}

/// What can be fuzzed.
enum TargetName: String, CaseIterable {
  case virtqueue, pci, vext, serial, platform, ninep, control, qcow
  case vhostUser = "vhost-user"

  /// Makes the target; what it needs on disk goes below `directory`.
  func makeTarget(directory: ScratchDirectory) throws -> any FuzzTarget {
    switch self {
    case .virtqueue: try VirtqueueTarget(directory: directory)
    case .pci: try PCITarget(directory: directory)
    case .vext: try VextTarget(directory: directory)
    case .serial: SerialTarget()
    case .platform: PlatformTarget()
    case .ninep: NinePTarget(directory: directory)
    case .control: try ControlTarget(directory: directory)
    case .qcow: QcowTarget(directory: directory)
    case .vhostUser: try VhostUserTarget(directory: directory)
    }
  }
}
