/// What becomes of the owners, modes, devices and attributes that a guest gives files of a share.
public enum NinePSecurity: String, CaseIterable, Equatable, Sendable {
  /// Set-user-ID, set-group-ID and sticky bits are dropped; devices and attributes other than `user.*` and ACLs are refused.
  /// Owners are set where the process may set them.
  case none
  /// Owner, mode and device number are kept in `user.virtfs.*` attributes, which the host does not act upon; files belong to
  /// the process, with mode 0600, and directories with 0700. The format is that of QEMU's `security_model=mapped-xattr`.
  case mapped
  /// Everything is set as the guest says, apart from devices, which are refused.
  case passthrough

  /// The bits of a guest's mode that a file of the host gets.
  var keptPermissions: UInt32 { self == .passthrough ? NinePMode.permissions : 0o777 }
}
