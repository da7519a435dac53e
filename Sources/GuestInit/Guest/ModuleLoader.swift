/// Loads the kernel modules that the initramfs brings.
enum ModuleLoader {
  /// Loads every file that /modules/index names, one a line, in its order, and removes it: an initramfs is memory.
  static func loadAll(_ arena: inout InitArena) {
    guard Kernel.exists("/modules/index") else { return }
    do throws(Errno) {
      var names = try arena.lines(of: "/modules/index")
      while let name = names.next() {
        if !name.isEmpty { load(try arena.join("/modules/", name)) }
      }
    } catch {
      report("cannot read /modules/index: ", error.text)
    }
  }

  private static func load(_ path: Text) {
    do throws(Errno) {
      let file = try Kernel.open(path)
      defer { Kernel.close(file) }
      try Kernel.call(.finitModule, file, Text("").address, 0)
    } catch {
      // Loaded already, or for a processor or device that is not here.
      if error != .exists, error != .noDevice { report("cannot load ", path, ": ", error.text) }
    }
    Kernel.attempt(.unlink, path.address)
  }
}
