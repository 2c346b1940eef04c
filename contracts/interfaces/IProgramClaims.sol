// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title Cumulative claims of one program: a published tree says what each account has ever earned
/// @notice A leaf is keccak256(keccak256(abi.encode(chain id, this contract, program, account, cumulative))). Inner nodes
/// are keccak256 of the two children, the smaller first. Leaves are padded to a power of two with PADDING. The tree is
/// published as a file whose SHA-256 is in RootSubmitted. Amounts are in the smallest unit of the asset.
interface IProgramClaims {
    /// @param total Sum of all leaves.
    /// @param readyAt Second from which anyone may accept it.
    struct Pending {
        bytes32 root;
        uint128 total;
        uint40 readyAt;
    }

    event RootSubmitted(bytes32 indexed root, uint256 total, bytes32 fileHash, uint256 readyAt);
    event RootVetoed(bytes32 indexed root);
    event RootAccepted(bytes32 indexed root, uint256 total, uint256 moved);
    /// @notice Claims rest until `until` at the latest.
    event RootSetAside(bytes32 indexed root, uint256 until);
    event RootRestored(bytes32 indexed root);
    event Claimed(address indexed account, address to, uint256 amount);
    /// @notice One a range. Bit i of the mask: leaf i of the range was paid now; of those not paid, the ones named by a
    /// ClaimRefused of this transaction refused, all others had nothing to claim.
    event RangeClaimed(bytes32 indexed root, bytes32 packedHash, uint256 amount, uint256 mask);
    event ClaimRefused(address indexed account, uint256 amount);

    error NotPayer(address caller);
    error NotGuardian(address caller);
    error RootPending(bytes32 root);
    error NoRootPending();
    error RootTooYoung(uint256 readyAt);
    error RootBarred(bytes32 root);
    error RootEmpty();
    error TotalShrinks(uint256 given, uint256 current);
    error NothingToClaim(address account);
    error ProofInvalid();
    error RootRests(uint256 until);
    error RangeInvalid(uint256 leaves);
    error NotSetAside();
    error GasTooLow(uint256 position);
    error PaymentFailed(address to, uint256 amount);
    error BadRecipient(address to);
    error DelayOutOfRange(uint256 given, uint256 min, uint256 max);
    error CoinNotExpected(address from);

    /// @notice Proposes a root; it may be accepted after the delay. Reverts while another one is pending. The program's
    /// payer only.
    /// @param total Sum of all leaves; never below the accepted one's.
    /// @param fileHash SHA-256 of the published tree file.
    function submit(bytes32 root, uint128 total, bytes32 fileHash) external;

    /// @notice Throws the pending root away and bars it for good. Guardian only.
    function veto() external;

    /// @notice Makes the pending root the one to claim from, and moves exactly total − previous total in. Anyone, as long
    /// as the program has a payer.
    function accept() external;

    /// @notice Sets the active root aside for at most 72 h; at most 7 days in any 30. Guardian only. Ends by itself.
    function setAside(uint256 duration) external;

    /// @notice Puts it back: the guardian at any time, anyone after its time (which saves later claims some gas).
    function restore() external;

    /// @notice Pays the caller what it has not claimed yet, to any address.
    function claim(uint256 cumulative, bytes32[] calldata proof, address to) external;

    /// @notice Pays an account what it has not claimed yet, to itself. Anyone.
    function claimFor(address account, uint256 cumulative, bytes32[] calldata proof) external;

    /// @notice Pays an aligned range of 2^k leaves with one shared path. Anyone: destinations and amounts are fixed.
    /// Leaves with nothing to claim are skipped; a refused payment leaves its leaf unclaimed. At most MAX_RANGE leaves.
    /// @param packed The leaves in the tree's order: account (upper 160 bits) and cumulative (lower 96); 0 for padding.
    /// @param path Siblings from the range's own root up to the tree's.
    function claimRange(uint256[] calldata packed, bytes32[] calldata path) external;

    /// @return The root to claim from; zero while it is set aside and before the first.
    function root() external view returns (bytes32);
    function total() external view returns (uint256);
    function pending() external view returns (Pending memory);
    function claimedOf(address account) external view returns (uint256);
    function leafOf(address account, uint256 cumulative) external view returns (bytes32);
}
