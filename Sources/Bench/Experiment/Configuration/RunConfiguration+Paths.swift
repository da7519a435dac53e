import Hypervisor

extension RunConfiguration {
  /// Checks that `--mode` and `--fs` leave a path.
  ///
  /// - Throws: ``InvalidConfiguration`` with what fits, if they leave none.
  func validatePaths() throws(InvalidConfiguration) {
    guard !fileSystems.isEmpty else { throw InvalidConfiguration(description: "--fs names no file system") }
    guard Set(fileSystems).count == fileSystems.count else {
      throw InvalidConfiguration(description: "--fs names a file system twice")
    }
    guard paths.isEmpty else { return }
    if guest == .micro {
      let mode = modes.first { !$0.takesMicroGuests }?.rawValue
      throw InvalidConfiguration(
        description: mode.map { "--mode \($0) needs --guest linux; the guest is micro (\(guestReason))" }
          ?? "--fs needs --guest linux: a micro guest has no file system (\(guestReason))")
    }
    let asked = pathsLeftOut.map { "\($0.mode.rawValue) with \($0.fileSystem.rawValue)" }
    let reason =
      driverAbsence.map { "cannot run here: \($0)" } ?? "does not exist in a Linux guest; \(fittingPaths)"
    throw InvalidConfiguration(
      description: "--mode and --fs leave nothing to run: \(asked.joined(separator: ", ")) \(reason)")
  }

  /// What the modes and the file systems that were asked for take.
  private var fittingPaths: String {
    let ofModes = modes.filter { $0.linuxTransport != nil }.map {
      "--mode \($0.rawValue) takes --fs \(GuestFileSystem.fitting($0))"
    }
    let ofFileSystems = fileSystems.map { "--fs \($0.rawValue) takes --mode \($0.fittingModes)" }
    return (ofModes + ofFileSystems).joined(separator: "; ")
  }

  /// Checks the images and folders that bench makes for the paths.
  func validateImages() throws(InvalidConfiguration) {
    guard let linux else { return }
    if let type = linux.imageType {
      if let other = paths.first(where: { $0.fileSystem.structure == .xfs }) {
        throw InvalidConfiguration(
          description:
            "--mkfs \(type.rawValue) with \(other.name): that path needs XFS; --mkfs is for \(ImageType.users)"
        )
      }
      guard paths.contains(where: { $0.fileSystem.structure == .ext }) else {
        throw InvalidConfiguration(
          description:
            "--mkfs \(type.rawValue): no path mounts such an image; combine it with --fs \(ImageType.users)")
      }
    }
    if diskPath != nil, let folder = paths.first(where: { $0.fileSystem.structure == .folder }) {
      throw InvalidConfiguration(
        description:
          "\(folder.name) shares a folder, and has no use for --disk; --scratch says where bench makes the folder"
      )
    }
    if paths.contains(where: { $0.mode == .host }), guestCount > 1 {
      throw InvalidConfiguration(
        description: "--mode host has no guests: it needs --guests 1; --workers makes several workers")
    }
  }

  /// Checks that caches can be cold when the workload begins.
  func validateCaches() throws(InvalidConfiguration) {
    guard startsCold == true else { return }
    guard let linux else {
      throw InvalidConfiguration(
        description:
          "--cold-cache needs --guest linux: a micro guest has no cache; --drop-caches empties the host's")
    }
    let warmups = linux.job?.phases.map(\.warmup) ?? [warmup]
    guard warmups.allSatisfy({ $0.nanoseconds == 0 }) else {
      throw InvalidConfiguration(
        description:
          "--cold-cache needs --warmup 0, and a job file without ramp_time: a warm-up fills the caches")
    }
    guard !verifies else {
      throw InvalidConfiguration(
        description: "--cold-cache with --verify: what is verified was written by the same run, and is cached"
      )
    }
    guard engine.usesStorage else {
      throw InvalidConfiguration(
        description: "--cold-cache with --engine \(engine.rawValue): this engine has no page cache below it")
    }
  }
}
