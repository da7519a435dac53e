/// The numbers of the vhost-user protocol (QEMU, docs/interop/vhost-user.rst, "Message Specification").
enum VhostUserProtocol {
  /// Request (32 bits), flags (32), length of the payload (32).
  static let headerByteCount = 12
  /// The largest payload of any message that either side needs: a configuration, or eight memory regions.
  static let payloadLimit = 1024
  /// Regions of one memory table.
  static let regionLimit = 8
  /// The largest configuration space of a device (VHOST_USER_MAX_CONFIG_SIZE).
  static let configurationLimit = 256
  /// The bit by which SET_VRING_KICK, SET_VRING_CALL and SET_VRING_ERR say that they come without a descriptor.
  static let noDescriptorFlag: UInt64 = 1 << 8

  /// Bits of a message's flags.
  enum Flag {
    /// The version, and its bits.
    static let version: UInt32 = 1
    static let versionMask: UInt32 = 3
    /// The message is a reply.
    static let reply: UInt32 = 1 << 2
    /// The sender wants a status even of a request that has no reply.
    static let needsReply: UInt32 = 1 << 3
  }
}

/// The requests of a front end ("Front-end message types").
enum VhostUserRequest: UInt32, Sendable {
  case getFeatures = 1
  case setFeatures = 2
  case setOwner = 3
  case resetOwner = 4
  case setMemoryTable = 5
  case setVringSize = 8
  case setVringAddress = 9
  case setVringBase = 10
  case getVringBase = 11
  case setVringKick = 12
  case setVringCall = 13
  case setVringError = 14
  case getProtocolFeatures = 15
  case setProtocolFeatures = 16
  case getQueueCount = 17
  case setVringEnabled = 18
  case setBackEndChannel = 21
  case getConfiguration = 24
  case setConfiguration = 25
  case getInflight = 31
  case setInflight = 32
  case resetDevice = 34
}

/// The requests of a back end ("Back-end message types").
enum VhostUserBackEndRequest: UInt32, Sendable {
  case configurationChanged = 2
}

/// The protocol features that either side of ours can use ("Protocol features").
struct VhostUserProtocolFeatures: OptionSet, Hashable, Sendable {
  let rawValue: UInt64

  /// There may be several queues, and GET_QUEUE_NUM says how many.
  static let multiqueue = VhostUserProtocolFeatures(rawValue: 1 << 0)
  /// Requests without a reply can ask for a status.
  static let replyAcknowledgement = VhostUserProtocolFeatures(rawValue: 1 << 3)
  /// The back end has a channel for requests of its own.
  static let backEndChannel = VhostUserProtocolFeatures(rawValue: 1 << 5)
  /// The back end has the configuration space.
  static let configuration = VhostUserProtocolFeatures(rawValue: 1 << 9)
  /// Requests in flight are noted in memory that the front end keeps for the back end's successor.
  static let inflight = VhostUserProtocolFeatures(rawValue: 1 << 12)
  /// RESET_DEVICE is understood.
  static let resetDevice = VhostUserProtocolFeatures(rawValue: 1 << 13)
}

extension VirtioFeatures {
  /// VHOST_USER_F_PROTOCOL_FEATURES: the other side knows protocol features. No driver sees it.
  static let vhostUserProtocol = VirtioFeatures(rawValue: 1 << 30)
}
