import SystemPackage

/// The rings of a vhost driver of the host's kernel.
struct VhostKernelBackEnd: VhostBackEnd {
  /// The features of rings that a virtio driver may use with a vhost driver. All vhost drivers have them since Linux 4.0.
  static let ringFeatures: VirtioFeatures = [.indirectDescriptors, .eventIndex, .version1]

  let driver: any VhostDriver
  private var memory = VhostMemoryTable.empty

  init(_ driver: any VhostDriver) { self.driver = driver }

  mutating func setFeatures(_ features: VirtioFeatures) throws(VhostError) {
    try perform(.setFeatures(features), "VHOST_SET_FEATURES")
  }

  mutating func setMemory(_ memory: GuestMemory) throws(VhostError) {
    let table = VhostMemoryTable(memory)
    try perform(.setMemory(table), "VHOST_SET_MEM_TABLE")
    self.memory = table
  }

  /// Checks where the ring is before the driver gets an address of it.
  mutating func start(_ ring: VhostRing, base: UInt16) throws(VhostError) {
    guard let address = memory.address(of: ring.layout) else { throw .ringOutsideMemory(ring.index) }
    try perform(.setSize(ring: ring.index, ring.layout.size), "VHOST_SET_VRING_NUM")
    try perform(.setBase(ring: ring.index, base), "VHOST_SET_VRING_BASE")
    try perform(.setAddress(ring: ring.index, address), "VHOST_SET_VRING_ADDR")
    try setCall(ring)
    try perform(.setKick(ring: ring.index, ring.kick), "VHOST_SET_VRING_KICK")
  }

  mutating func setCall(_ ring: VhostRing) throws(VhostError) {
    try perform(.setCall(ring: ring.index, ring.call), "VHOST_SET_VRING_CALL")
  }

  /// The driver must not run the ring any more (``VhostFunction/stopping(_:)``).
  mutating func stop(_ index: Int) throws(VhostError) -> UInt16 {
    do throws(Errno) { return try driver.base(ofRing: index) } catch {
      throw .failed("VHOST_GET_VRING_BASE", error)
    }
  }

  /// Makes a request; `name` is for the error message.
  func perform(_ request: VhostRequest, _ name: String) throws(VhostError) {
    do throws(Errno) { try driver.perform(request) } catch { throw .failed(name, error) }
  }
}
