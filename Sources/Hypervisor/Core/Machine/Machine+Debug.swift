/// Looking into a guest and poking it. Any thread but a vCPU's own; a vCPU that runs is interrupted for it.
extension Machine {
  /// Registers, code, page tables and stack of vCPU `index`, in several lines; nil where there is no such vCPU.
  public func describe(vcpu index: Int) throws(KVMError) -> String? {
    guard vcpus.indices.contains(index) else { return nil }
    let memory = memory
    let text = try vcpus[index].perform { (vcpu) throws(KVMError) in
      try VCPUDump(vcpu, memory: memory).text
    }
    return "vCPU \(index):\n\(text)"
  }

  /// Sends vCPU `index` a non-maskable interrupt; a paused one takes it when it goes on.
  ///
  /// - Returns: false where there is no such vCPU.
  public func injectNMI(vcpu index: Int) throws(KVMError) -> Bool {
    guard vcpus.indices.contains(index) else { return false }
    try vcpus[index].perform { (vcpu) throws(KVMError) in try vcpu.injectNMI() }
    return true
  }
}
