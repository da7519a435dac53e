/// Inspection of a guest, and NMIs. Any thread but a vCPU's own; interrupts a vCPU that runs.
extension Machine {
  /// Returns registers, code, page tables and stack of vCPU `index` as several lines; nil if there is no such vCPU.
  ///
  /// - Parameter symbols: name the function that it is in.
  public func describe(vcpu index: Int, symbols: KernelSymbols? = nil) throws(KVMError) -> String? {
    guard vcpus.indices.contains(index) else { return nil }
    let memory = memory
    let text = try vcpus[index].perform { (vcpu) throws(KVMError) in
      try VCPUDump(vcpu, memory: memory, symbols: symbols).text
    }
    return "vCPU \(index):\n\(text)"
  }

  /// Sends vCPU `index` a non-maskable interrupt. A paused vCPU takes it when it continues.
  ///
  /// - Returns: false if there is no such vCPU.
  public func injectNMI(vcpu index: Int) throws(KVMError) -> Bool {
    guard vcpus.indices.contains(index) else { return false }
    try vcpus[index].perform { (vcpu) throws(KVMError) in try vcpu.injectNMI() }
    return true
  }
}
