/// A BAR of a function, as a device on its bus.
final class BARWindow: BusDevice {
  private let function: any PCIFunction
  private let bar: Int

  init(function: any PCIFunction, bar: Int) {
    self.function = function
    self.bar = bar
  }

  func read(offset: UInt64, byteCount: Int) -> UInt64 {
    if bar == function.configuration.msixBAR, let msix = function.configuration.msix {
      return msix.read(offset: offset, byteCount: byteCount)
    }
    return function.readBAR(bar, offset: offset, byteCount: byteCount)
  }

  func write(offset: UInt64, byteCount: Int, value: UInt64) {
    if bar == function.configuration.msixBAR, let msix = function.configuration.msix {
      return msix.write(offset: offset, byteCount: byteCount, value: value)
    }
    function.writeBAR(bar, offset: offset, byteCount: byteCount, value: value)
  }
}
