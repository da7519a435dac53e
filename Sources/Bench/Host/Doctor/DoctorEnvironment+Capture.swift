import Foundation
import HostSystem

extension DoctorEnvironment {
  /// How long the CPUs are watched: fifty ticks of each.
  private static let watchSeconds = 0.5

  /// Observes this host for half a second, and changes nothing.
  ///
  /// - Parameters:
  ///   - configuration: The run that is planned.
  ///   - scratchFolder: Where its disks would be made, unless it names one; it may not exist yet.
  /// - Throws: ``BenchFailure`` for CPUs and nodes that the host does not have.
  static func capture(_ configuration: RunConfiguration, scratchFolder: String) throws -> DoctorEnvironment {
    let files = KernelFiles(root: "/")
    // First: what this does itself is no load.
    let before = CPUTicks(files)
    Thread.sleep(forTimeInterval: watchSeconds)
    let after = CPUTicks(files)
    var activity = HostActivity(files)
    activity.recentTicks = before.flatMap { before in after.map { $0.since(before) } }
    return DoctorEnvironment(
      host: .capture(imagePath: configuration.diskPath ?? scratchFolder),
      kvmDevice: KVMDeviceAccess(path: "/dev/kvm"),
      rights: ProcessRights(files),
      activity: activity,
      topology: try? NUMATopology.read(),
      configuration: configuration,
      placement: try RunPlacement(configuration, scratchFolder: scratchFolder).plan)
  }
}
