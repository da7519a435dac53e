// swift-tools-version: 6.2
import PackageDescription

/// The rules of the house, enforced by the compiler for every Swift target.
let houseRules: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "vext",
  products: [
    .library(name: "Hypervisor", targets: ["Hypervisor"]),
    .executable(name: "bench", targets: ["Bench"]),
    .executable(name: "lkvm", targets: ["lkvm"]),
    .executable(name: "fuse-vext", targets: ["fuse-vext"]),
    .executable(name: "fuzz", targets: ["Fuzz"]),
    .library(name: "VextClient", targets: ["VextClient"]),
    .executable(name: "vext-io", targets: ["VextIO"]),
    .executable(name: "vextd", targets: ["vextd"]),
  ],
  traits: [
    // Only for the trials of `bench compare` (docs/benchmarking.md): makes the null engine slower on request.
    .trait(name: "InjectSlowdown", description: "The null engine can be slowed down artificially."),
    .default(enabledTraits: []),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
    .package(url: "https://github.com/ordo-one/TextTable", exact: "0.0.2"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
  ],
  targets: [
    // Header-only C shims: named ioctl requests, system calls that return -errno.
    .systemLibrary(name: "CKVM", path: "Sources/CKVM"),
    .systemLibrary(name: "CLinux", path: "Sources/CLinux"),
    .systemLibrary(name: "CNUMA", path: "Sources/CNUMA"),
    .systemLibrary(
      name: "CURing", path: "Sources/CURing", providers: [.apt(["liburing-dev"])]),
    .systemLibrary(
      name: "CSlirp", path: "Sources/CSlirp", providers: [.apt(["libslirp-dev"])]),
    .systemLibrary(
      name: "CVNC", path: "Sources/CVNC", providers: [.apt(["libvncserver-dev"])]),
    .systemLibrary(
      name: "CSDL", path: "Sources/CSDL", providers: [.apt(["libsdl2-dev"])]),
    .systemLibrary(name: "CSeccomp", path: "Sources/CSeccomp"),

    .systemLibrary(
      name: "CFuse", path: "Sources/CFuse", pkgConfig: "fuse3", providers: [.apt(["libfuse3-dev"])]),
    .systemLibrary(
      name: "CExt2", path: "Sources/CExt2", pkgConfig: "ext2fs", providers: [.apt(["libext2fs-dev"])]),

    .target(name: "VextProtocol", swiftSettings: houseRules),
    .target(
      name: "HostSystem",
      dependencies: [
        "CLinux", "CNUMA", "CSeccomp", "CURing", .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),
    .target(
      name: "Hypervisor",
      dependencies: [
        "CKVM", "CLinux", "HostSystem", "RealModeBIOS", "VextProtocol",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),

    // A network in user space. Apart from the hypervisor, which must not link libslirp and GLib.
    .target(
      name: "UserNetwork",
      dependencies: [
        "CLinux", "CSlirp", "HostSystem", "Hypervisor",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),

    // What shows a guest's screen. Apart from the hypervisor, which must not know libvncserver.
    .target(
      name: "Display",
      dependencies: [
        "CLinux", "CSDL", "CVNC", "HostSystem", "Hypervisor",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),

    // Freestanding programs in Embedded Swift: compiled by the plugin, each embedded as one generated Swift file.
    .executableTarget(name: "FreestandingBuilder", swiftSettings: houseRules),
    .plugin(
      name: "BuildFreestanding", capability: .buildTool(), dependencies: ["FreestandingBuilder"]),
    .target(name: "EmbeddedImage", swiftSettings: houseRules),
    // The guest that bench boots without a kernel.
    .target(
      name: "MicroGuest",
      dependencies: ["EmbeddedImage", "VextProtocol"],
      exclude: ["Guest"],
      swiftSettings: houseRules,
      plugins: ["BuildFreestanding"]),
    // What real-mode kernels and programs call.
    .target(
      name: "RealModeBIOS",
      dependencies: ["EmbeddedImage"],
      exclude: ["Guest"],
      swiftSettings: houseRules,
      plugins: ["BuildFreestanding"]),
    // The first process of a Linux guest.
    .target(
      name: "GuestInit",
      dependencies: ["EmbeddedImage"],
      exclude: ["Guest"],
      swiftSettings: houseRules,
      plugins: ["BuildFreestanding"]),

    .executableTarget(
      name: "Bench",
      dependencies: [
        "GuestInit", "HostSystem", "Hypervisor", "MicroGuest", "VextProtocol",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
        .product(name: "TextTable", package: "TextTable"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: houseRules),

    .executableTarget(
      name: "lkvm",
      dependencies: [
        "CLinux", "Display", "GuestInit", "HostSystem", "Hypervisor", "UserNetwork", "VextProtocol",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),

    // Serves disks to the machines of other processes.
    .executableTarget(
      name: "vextd",
      dependencies: [
        "CLinux", "HostSystem", "Hypervisor",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),

    // The guest's end of the vext queue, in user space of an unmodified Linux.
    .target(
      name: "VextClient",
      dependencies: [
        "CLinux", "HostSystem", "VextProtocol",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),
    .executableTarget(
      name: "VextIO",
      dependencies: [
        "HostSystem", "VextClient", "VextProtocol",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),

    // An ext2, ext3 and ext4 file system in FUSE, over an image, a block device or a vext queue.
    .target(
      name: "FuseVext",
      dependencies: [
        "CExt2", "CFuse", "CLinux", "HostSystem", "VextClient",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),
    .executableTarget(
      name: "fuse-vext",
      dependencies: [
        "FuseVext", "HostSystem",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),

    // What a hostile guest may send, for a bounded time: scripts/fuzz.
    .executableTarget(
      name: "Fuzz",
      dependencies: [
        "HostSystem", "Hypervisor", "TestSupport", "VextProtocol",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Fuzz",
      swiftSettings: houseRules),

    // docs/examples.md: what a user of the libraries starts from.
    .executableTarget(
      name: "ExampleVMM", dependencies: ["HostSystem", "Hypervisor", "MicroGuest", "VextProtocol"],
      path: "Examples/ExampleVMM", swiftSettings: houseRules),
    .executableTarget(
      name: "ExampleClient",
      dependencies: ["VextClient", .product(name: "SystemPackage", package: "swift-system")],
      path: "Examples/ExampleClient", swiftSettings: houseRules),

    // What tests and fuzz targets share. Apart from it what tests without the hypervisor need too.
    .target(name: "TestFolders", path: "Tests/TestFolders", swiftSettings: houseRules),
    .target(
      name: "TestSupport",
      dependencies: [
        "HostSystem", "Hypervisor", "VextProtocol", .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/TestSupport",
      swiftSettings: houseRules),
    // C: replaces malloc in the test process, to count.
    .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),

    // T0: no /dev/kvm.
    .testTarget(
      name: "VextProtocolTests", dependencies: ["VextProtocol"], swiftSettings: houseRules),
    .testTarget(
      name: "HostSystemTests",
      dependencies: [
        "CLinux", "CSeccomp", "HostSystem", .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),
    .testTarget(
      name: "HypervisorTests",
      dependencies: [
        "AllocationCounter", "CLinux", "Hypervisor", "HostSystem", "RealModeBIOS", "TestFolders",
        "TestSupport",
        "VextProtocol",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),
    .testTarget(
      name: "VextClientTests",
      dependencies: [
        "CLinux", "ExampleClient", "Hypervisor", "HostSystem", "TestFolders", "VextClient", "VextProtocol",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),
    .testTarget(
      name: "GuestInitTests",
      dependencies: [
        "EmbeddedImage", "GuestInit", "Hypervisor",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),
    .testTarget(
      name: "UserNetworkTests",
      dependencies: [
        "CLinux", "Hypervisor", "HostSystem", "UserNetwork",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),
    .testTarget(
      name: "DisplayTests",
      dependencies: [
        "CSDL", "CVNC", "Display", "Hypervisor", "HostSystem", "TestSupport",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: houseRules),
    .testTarget(
      name: "BenchTests",
      dependencies: ["Bench", "HostSystem", "Hypervisor", "MicroGuest", "TestFolders", "VextProtocol"],
      resources: [
        .copy("FioOutputs"), .copy("Hosts"), .copy("Topologies"), .copy("Reference"), .copy("RecordedRun"),
      ],
      swiftSettings: houseRules),
    .testTarget(
      name: "LkvmTests",
      dependencies: [
        "Display", "HostSystem", "Hypervisor", "TestFolders", "VextProtocol", "lkvm",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: houseRules),
    .testTarget(
      name: "VextdTests",
      dependencies: ["HostSystem", "Hypervisor", "vextd"],
      swiftSettings: houseRules),
    .testTarget(
      name: "FuseVextTests",
      dependencies: [
        "CExt2", "CFuse", "FuseVext", "HostSystem", "TestFolders",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      exclude: ["Scripts"],
      swiftSettings: houseRules),
    // T1: hand-assembled guests of a few bytes.
    .testTarget(
      name: "TinyGuestTests",
      dependencies: ["Display", "Hypervisor", "HostSystem", "TestSupport", "VextProtocol"],
      swiftSettings: houseRules),
    // T2: the micro guest end to end.
    .testTarget(
      name: "MicroGuestTests",
      dependencies: [
        "Bench", "ExampleVMM", "Hypervisor", "HostSystem", "MicroGuest", "VextProtocol",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: houseRules),
    // T3: Debian guests of the lkvm binary, in the virtual host of scripts/testbed.
    .testTarget(
      name: "DebianGuestTests",
      dependencies: [
        "Bench", "GuestInit", "HostSystem", "Hypervisor", "TestFolders", "TestSupport", "VextProtocol",
      ],
      swiftSettings: houseRules),
  ]
)

// scripts/crash-states builds the tests of fuse-vext alone, optimized.
if Context.environment["VEXT_FUSE_TESTS_ONLY"] != nil {
  let needed: Set = [
    "CExt2", "CFuse", "CLinux", "CNUMA", "CSeccomp", "CURing", "FuseVext", "FuseVextTests", "HostSystem",
    "TestFolders",
    "VextClient", "VextProtocol", "fuse-vext",
  ]
  package.targets.removeAll { !needed.contains($0.name) }
  package.products.removeAll { $0.name != "fuse-vext" }
  package.dependencies.removeAll { dependency in
    guard case .sourceControl(_, let location, _) = dependency.kind else { return false }
    return !location.contains("swift-argument-parser") && !location.contains("swift-system")
  }
}
