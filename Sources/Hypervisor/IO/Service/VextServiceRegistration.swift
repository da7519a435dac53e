import HostSystem
import VextProtocol

/// A queue as a VMM enables it in a service: what the driver registered, and the eventfds of its doorbell and its interrupt.
struct VextServiceRegistration: Sendable {
  let setup: VextQueueSetup
  /// The queue's doorbell; nil if the function offers none.
  let doorbell: VextDoorbell?
  /// The table whose vectors another process may signal; nil if the function has none.
  let interrupts: MSIXTable?
  let vector: UInt16
  /// Whether the machine's vCPUs wait for CPUs; nil if the function does not offer CONTENTION.
  let contention: CPUContention?

  /// One descriptor for each feature that is in force, in the order of their bits.
  var descriptors: [Int32] {
    var descriptors: [Int32] = []
    if setup.features.contains(.doorbell), let doorbell { descriptors.append(doorbell.descriptor) }
    if setup.features.contains(.interrupt), let interrupts {
      descriptors.append(interrupts.eventDescriptor(of: Int(vector)))
    }
    return descriptors
  }

  var interrupt: VextInterrupt? { interrupts.map { .vector($0, vector) } }
}

/// Which disk of which service a VMM uses, and what it shares with it.
struct VextServicePlace: Sendable {
  let path: String
  let disk: String
  /// Made to be shared.
  let memory: GuestMemory
  let table: VextQueueTable

  /// Does what comes first in a connection: greets, opens the disk and shares the memory.
  func introduce(_ connection: inout VextServiceConnection) throws(VextServiceError) -> VextDiskGeometry {
    guard let descriptor = memory.sharedDescriptor else { throw .privateMemory }
    try connection.greet()
    let geometry = try connection.openDisk(disk)
    _ = try connection.askAtStart(
      .memory(memory.sharedRegions), "memory", descriptors: [descriptor, table.descriptor])
    return geometry
  }
}
