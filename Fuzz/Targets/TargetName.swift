/// What can be fuzzed.
enum TargetName: String, CaseIterable {
  case virtqueue, pci, vext, serial, platform, ninep, control

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
    }
  }
}
