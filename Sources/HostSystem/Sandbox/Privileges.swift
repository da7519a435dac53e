import CLinux
public import SystemPackage

/// Rights that a process gives up for good.
public enum Privileges {
  /// Forbids the calling thread, and all that it starts later, to gain rights by a program that is set-user-ID or has
  /// capabilities (`PR_SET_NO_NEW_PRIVS`).
  public static func forbidNew() throws(Errno) { try check(linux_forbid_new_privileges()) }

  /// Whether the calling thread is forbidden to gain rights.
  public static var areNewForbidden: Bool { linux_new_privileges_are_forbidden() != 0 }
}
