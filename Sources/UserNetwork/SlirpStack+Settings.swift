import CSlirp
import HostSystem
import Hypervisor

extension SlirpStack {
  /// The version of SlirpConfig that knows all that is set here (libslirp 4.7).
  private static let settingsVersion: UInt32 = 4

  static func settings(of configuration: UserNetworkConfiguration) -> SlirpConfig {
    var settings = unsafe SlirpConfig()
    unsafe settings.version = settingsVersion
    unsafe settings.in_enabled = true
    unsafe settings.vnetwork = cslirp_address(configuration.network.rawValue)
    unsafe settings.vnetmask = cslirp_address(configuration.netmask.rawValue)
    unsafe settings.vhost = cslirp_address(configuration.hostAddress.rawValue)
    unsafe settings.vdhcp_start = cslirp_address(configuration.guestAddress.rawValue)
    unsafe settings.vnameserver = cslirp_address(configuration.chosenNameServer.rawValue)
    // FlowRules decide in any case. libslirp would not let the guest answer datagrams that come from the loopback either.
    unsafe settings.disable_host_loopback =
      !configuration.allowsHostLoopback && !configuration.forwards.contains { $0.transport == .udp }
    // 0 is libslirp's word for 1500.
    unsafe settings.if_mtu = Int(configuration.mtu ?? 0)
    unsafe settings.if_mru = Int(configuration.mtu ?? 0)
    return unsafe settings
  }

  /// What libslirp calls, always from within a call of the thread that serves, so that it need not be woken.
  static func callbackTable() -> SlirpCb {
    var table = SlirpCb()
    unsafe table.send_packet = { bytes, byteCount, context in
      unsafe SlirpStack.of(context).send(UnsafeRawBufferPointer(start: bytes, count: byteCount))
    }
    // What a guest does wrong with its frames is its own affair, and must not fill the host's log.
    unsafe table.guest_error = { _, _ in }
    unsafe table.clock_get_ns = { _ in Int64(clamping: HostClock.monotonicNanoseconds()) }
    unsafe table.timer_new_opaque = { id, timerContext, context in
      unsafe UnsafeMutableRawPointer(
        bitPattern: SlirpStack.of(context).timers.make(id: id, context: timerContext))
    }
    unsafe table.timer_free = { timer, context in
      unsafe SlirpStack.of(context).timers.free(UInt(bitPattern: timer))
    }
    unsafe table.timer_mod = { timer, deadline, context in
      unsafe SlirpStack.of(context).timers.set(UInt(bitPattern: timer), deadlineMilliseconds: deadline)
    }
    unsafe table.register_poll_fd = { _, context in unsafe SlirpStack.of(context).flowCount += 1 }
    unsafe table.unregister_poll_fd = { _, context in unsafe SlirpStack.of(context).flowCount -= 1 }
    unsafe table.notify = { _ in }
    unsafe table.init_completed = { _, _ in }
    return table
  }
}
