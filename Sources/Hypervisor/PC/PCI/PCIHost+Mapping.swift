/// The mapping of BARs onto their buses.
extension PCIHost {
  /// Unmaps the function's BARs that have moved, then maps every BAR that waits for an address, which may be free now.
  func remap(_ state: inout State, _ slot: Int) {
    let function = state.functions[slot]
    var hasMoved = false
    for bar in function.configuration.bars {
      let wanted = function.configuration.decodedAddress(ofBAR: bar.index)
      guard wanted != state.mappings[slot][bar.index]?.address else { continue }
      hasMoved = true
      guard let current = state.mappings[slot].removeValue(forKey: bar.index) else { continue }
      for memory in current.slots { memorySlots?.removeMemory(slot: memory) }
      bus(bar.space).remove(current.window, start: current.address)
      setNotifications(of: function, bar: bar, at: current.address, active: false)
    }
    guard hasMoved else { return }
    for slot in state.functions.indices { mapWaitingBARs(&state, slot) }
  }

  private func mapWaitingBARs(_ state: inout State, _ slot: Int) {
    let function = state.functions[slot]
    for bar in function.configuration.bars where state.mappings[slot][bar.index] == nil {
      guard let wanted = function.configuration.decodedAddress(ofBAR: bar.index) else { continue }
      let window = BARWindow(function: function, bar: bar.index)
      // Two devices at one address are the guest's mistake: the first one keeps it.
      guard bus(bar.space).insert(window, start: wanted, byteCount: UInt64(bar.byteCount)) else { continue }
      setNotifications(of: function, bar: bar, at: wanted, active: true)
      // If KVM refuses, as where there is RAM, the guest's accesses reach the window, unless the RAM has them.
      let slots = function.memory(ofBAR: bar.index).compactMap { run in
        try? memorySlots?.addMemory(run.area, at: wanted + run.offset)
      }
      state.mappings[slot][bar.index] = Mapping(address: wanted, window: window, slots: slots)
    }
  }

  private func bus(_ space: AddressSpace) -> AddressBus {
    switch space {
    case .memory: memoryBus
    case .port: portBus
    }
  }

  private func setNotifications(
    of function: any PCIFunction, bar: PCIBaseAddress, at address: UInt64, active: Bool
  ) {
    for notification in function.notifications where notification.bar == bar.index {
      let write = WatchedWrite(
        space: bar.space, address: address + notification.offset, condition: notification.condition)
      if active {
        // If KVM refuses (out of slots), the write still reaches the device through writeBAR.
        try? registrar.addNotification(write, eventDescriptor: notification.eventDescriptor)
      } else {
        registrar.removeNotification(write, eventDescriptor: notification.eventDescriptor)
      }
    }
  }
}
