import HostSystem
import SystemPackage

extension FileSystem {
  /// Claims the device for this host; nil if the file system needs no claim (`mmp`).
  static func claim(
    _ summary: SuperblockSummary, device: any BlockDevice
  ) throws(MountFailure) -> Locked<MountClaim>? {
    guard summary.hasMountClaims else { return nil }
    guard let layout = summary.mountClaim else { throw .corrupted(device.name) }
    do throws(Errno) {
      return Locked(try MountClaim(layout, device: device))
    } catch .resourceBusy {
      throw .claimed(device.name)
    } catch .corrupted {
      throw .corrupted(device.name)
    } catch {
      throw .device(device.name, error)
    }
  }

  /// Interval of ``renewClaim(_:)`` in seconds; nil without a claim.
  var claimInterval: UInt16? { claim?.withLock { $0.updateInterval } }

  /// Shows other hosts that this one still has the file system. If another one has taken it, nothing is changed any more.
  func renewClaim(_ resources: ServingResources) {
    do throws(Errno) {
      try claim?.withLock { (claim) throws(Errno) in try claim.renew() }
    } catch {
      // Changes end with the first error; it is the answer to every request from then on.
      do throws(Errno) { try change(resources) { (_) throws(Errno) in throw .ioError } } catch {}
    }
  }

  /// Ends this host's claim.
  func releaseClaim() {
    do throws(Errno) {
      try claim?.withLock { (claim) throws(Errno) in try claim.release() }
    } catch {
      // The next host waits until the claim looks abandoned.
    }
  }
}
