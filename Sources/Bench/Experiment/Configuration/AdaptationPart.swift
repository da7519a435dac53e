import Hypervisor
import MicroGuest

/// To what the sides of `vext-adaptive` adapt beside the length of their sleeps; each can be switched off to measure its worth.
enum AdaptationPart: String, CaseIterable, Codable, Sendable {
  /// Nothing: both sides poll for their window even if other threads need the CPU.
  case none
  /// On a CPU that others need, the guest yields between polls.
  case guestYield = "guest-yield"
  /// On a CPU that others need, the guest waits for the interrupt at once.
  case guestSleep = "guest-sleep"
  /// On a CPU that others need, the I/O thread sleeps as soon as it finds nothing.
  case ioThread = "io-thread"
  /// At low load both sides sleep as soon as they find nothing.
  case load

  /// What is in force unless the user says otherwise.
  static let defaults: [AdaptationPart] = [.guestYield, .ioThread, .load]
}

extension [AdaptationPart] {
  /// What the micro guest's driver does.
  var ofDriver: DriverAdaptation {
    var adaptation: DriverAdaptation = []
    if contains(.guestYield) { adaptation.insert(.yields) }
    if contains(.guestSleep) { adaptation.insert(.sleeps) }
    if contains(.load) { adaptation.insert(.load) }
    return adaptation
  }

  /// What an I/O thread does.
  var ofIOThread: IOThread.Adaptation {
    var adaptation: IOThread.Adaptation = []
    if contains(.ioThread) { adaptation.insert(.contention) }
    if contains(.load) { adaptation.insert(.load) }
    return adaptation
  }
}
