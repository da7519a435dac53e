import HostSystem

/// What sysfs says of a PCI function of the host.
struct HostPCIFunction {
  let address: HostPCIAddress
  private let root: SysfsDirectory
  private let directory: SysfsDirectory

  /// Finds the function.
  ///
  /// - Parameter sysfs: where sysfs is mounted, or a copy of the files.
  init(_ address: HostPCIAddress, sysfs: String) throws(VFIOError) {
    let root = SysfsDirectory(sysfs)
    guard let directory = try Self.resolve(root["bus/pci/devices/\(address)"]) else {
      throw .noDevice(address)
    }
    self.root = root
    self.address = address
    self.directory = directory
  }

  /// The number of its IOMMU group.
  func group() throws(VFIOError) -> String {
    guard let group = try Self.resolve(directory["iommu_group"]) else { throw .noIOMMU(address) }
    return String(group.name)
  }

  /// Checks that the host has left it to VFIO.
  func checkDriver() throws(VFIOError) {
    let driver = try Self.resolve(directory["driver"]).map { String($0.name) }
    guard let driver, Self.isVFIO(driver) else { throw .otherDriver(address, driver) }
  }

  /// The functions of its group that keep the group from being used: those with a driver of the host's.
  func obstacles(inGroup group: String) throws(VFIOError) -> [String] {
    do throws(SysfsError) {
      var names: [String] = []
      for name in try root["kernel/iommu_groups/\(group)/devices"].entries() {
        guard let driver = try root["bus/pci/devices/\(name)/driver"].resolved() else { continue }
        // The kernel lets the drivers of bridges be.
        if !Self.isVFIO(String(driver.name)), driver.name != "pcieport" { names.append(name) }
      }
      return names
    } catch { throw .sysfs("\(error)") }
  }

  /// vfio-pci, or one of the drivers that are made from it for one kind of device.
  private static func isVFIO(_ driver: String) -> Bool {
    driver == "vfio-pci" || driver.hasSuffix("_vfio_pci") || driver.hasSuffix("-vfio-pci")
  }

  private static func resolve(_ directory: SysfsDirectory) throws(VFIOError) -> SysfsDirectory? {
    do throws(SysfsError) { return try directory.resolved() } catch { throw .sysfs("\(error)") }
  }
}
