// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IProgramClaims} from "./interfaces/IProgramClaims.sol";
import {IProgramPayouts} from "./interfaces/IProgramPayouts.sol";
import {LeafTree} from "./libraries/LeafTree.sol";
import {PauseBudget} from "./libraries/PauseBudget.sol";
import {TryTransfer} from "./libraries/TryTransfer.sol";

/// @title Claims of one program from cumulative roots (R-62, R-63)
/// @notice Its own balance is the counter: what accepted roots moved in and nobody has claimed. No key here can take
/// any of it: a payer may only propose, a guardian may only delay, and a claim pays the leaf's own account.
contract ProgramClaims is IProgramClaims, ReentrancyGuardTransient {
    using PauseBudget for PauseBudget.Pauses;

    uint256 public constant MIN_DELAY = 1 hours;
    uint256 public constant MAX_DELAY = 14 days;

    /// @dev 512 leaves at 16,500 gas each are 8.5 M, and 11 M with fresh slots.
    uint256 public constant MAX_RANGE = 512;

    /// @notice In the place of leaves that do not exist: keccak256 of a text, which is no leaf's double hash.
    bytes32 public constant PADDING = keccak256("Muster: no leaf");

    /// @dev Gas that must be left beside the payee's: putting the leaf back, its event, the range's event.
    uint256 private constant GAS_RESERVE = 40_000;
    uint256 private constant WORD = 256;
    bytes32 private constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");

    IProgramPayouts public immutable PAYOUTS;
    uint32 public immutable PROGRAM;
    uint256 public immutable DELAY;
    address private immutable TOKEN;

    /// @inheritdoc IProgramClaims
    bytes32 public root;
    Pending private _pending;
    uint128 private _total;
    uint40 private _asideUntil;
    bytes32 private _aside;
    mapping(bytes32 root => bool) public barred;
    mapping(address account => uint256) private _claimed;
    PauseBudget.Pauses private _pauses;

    /// @param delay Seconds between proposing and accepting a root, in which the guardian may veto.
    constructor(IProgramPayouts payouts, uint32 program, uint256 delay) {
        if (delay < MIN_DELAY || delay > MAX_DELAY) {
            revert DelayOutOfRange(delay, MIN_DELAY, MAX_DELAY);
        }
        PAYOUTS = payouts;
        PROGRAM = program;
        DELAY = delay;
        TOKEN = payouts.asset();
    }

    /// @dev Native coin comes from accepted roots alone.
    receive() external payable {
        if (msg.sender != address(PAYOUTS)) revert OnlyPayouts(msg.sender);
    }

    modifier onlyGuardian() {
        if (!_isGuardian(msg.sender)) revert NotGuardian(msg.sender);
        _;
    }

    /// @inheritdoc IProgramClaims
    function submit(bytes32 root_, uint128 total_, bytes32 fileHash) external {
        if (msg.sender != PAYOUTS.programOf(PROGRAM).terms.payer) revert NotPayer(msg.sender);
        if (root_ == bytes32(0)) revert RootEmpty();
        if (barred[root_]) revert RootBarred(root_);
        if (_pending.root != bytes32(0)) revert RootPending(_pending.root);
        if (total_ < _total) revert TotalShrinks(total_, _total);
        uint40 readyAt = uint40(block.timestamp + DELAY);
        _pending = Pending({root: root_, total: total_, readyAt: readyAt});
        emit RootSubmitted(root_, total_, fileHash, readyAt);
    }

    /// @inheritdoc IProgramClaims
    function veto() external onlyGuardian {
        bytes32 vetoed = _pending.root;
        if (vetoed == bytes32(0)) revert NoRootPending();
        barred[vetoed] = true;
        delete _pending;
        emit RootVetoed(vetoed);
    }

    /// @inheritdoc IProgramClaims
    function accept() external {
        Pending memory p = _pending;
        if (p.root == bytes32(0)) revert NoRootPending();
        if (block.timestamp < p.readyAt) revert RootTooYoung(p.readyAt);
        uint256 moved = p.total - _total;
        _total = p.total;
        delete _pending;
        // A root that rests goes on resting: the new one takes its place.
        if (_aside == bytes32(0)) root = p.root;
        else _aside = p.root;
        emit RootAccepted(p.root, p.total, moved);
        PAYOUTS.moveToClaims(PROGRAM, moved);
    }

    /// @inheritdoc IProgramClaims
    function setAside(uint256 duration) external onlyGuardian {
        bytes32 active = root == bytes32(0) ? _aside : root;
        if (active == bytes32(0)) revert RootEmpty();
        _asideUntil = _pauses.begin(duration);
        (_aside, root) = (active, bytes32(0));
        emit RootSetAside(active, _asideUntil);
    }

    /// @inheritdoc IProgramClaims
    function restore() external {
        bytes32 aside = _aside;
        if (aside == bytes32(0)) revert NotSetAside();
        if (block.timestamp < _asideUntil && !_isGuardian(msg.sender)) {
            revert NotGuardian(msg.sender);
        }
        _pauses.end();
        (root, _aside) = (aside, bytes32(0));
        emit RootRestored(aside);
    }

    /// @inheritdoc IProgramClaims
    function claim(
        uint256 cumulative,
        bytes32[] calldata proof,
        address to
    ) external nonReentrant {
        if (to == address(0) || to == address(this) || to == TOKEN || to == address(PAYOUTS)) {
            revert BadRecipient(to);
        }
        _claim(msg.sender, cumulative, proof, to);
    }

    /// @inheritdoc IProgramClaims
    function claimFor(
        address account,
        uint256 cumulative,
        bytes32[] calldata proof
    ) external nonReentrant {
        _claim(account, cumulative, proof, account);
    }

    /// @inheritdoc IProgramClaims
    function claimRange(
        uint256[] calldata packed,
        bytes32[] calldata path
    ) external nonReentrant {
        uint256 n = packed.length;
        if (n == 0 || n > MAX_RANGE || n & (n - 1) != 0) revert RangeInvalid(n);
        bytes32 top = LeafTree.rootOf(packed, PROGRAM, PADDING);
        bytes32 active = root;
        if (active == bytes32(0) || LeafTree.climb(top, path) != active) {
            revert ProofInvalid();
        }
        uint256[] memory masks = new uint256[]((n + WORD - 1) / WORD);
        uint256 amount = _payRange(packed, masks);
        emit RangeClaimed(active, LeafTree.hashOf(packed), amount, masks);
    }

    /// @inheritdoc IProgramClaims
    function total() external view returns (uint256) {
        return _total;
    }

    /// @inheritdoc IProgramClaims
    function pending() external view returns (Pending memory) {
        return _pending;
    }

    /// @inheritdoc IProgramClaims
    function claimedOf(address account) external view returns (uint256) {
        return _claimed[account];
    }

    /// @inheritdoc IProgramClaims
    function leafOf(address account, uint256 cumulative) public view returns (bytes32) {
        return LeafTree.leafOf(PROGRAM, account, cumulative);
    }

    function _claim(
        address account,
        uint256 cumulative,
        bytes32[] calldata proof,
        address to
    ) private {
        if (LeafTree.climb(leafOf(account, cumulative), proof) != root) {
            revert ProofInvalid();
        }
        uint256 claimed = _claimed[account];
        if (cumulative <= claimed) revert NothingToClaim(account);
        _claimed[account] = cumulative;
        uint256 amount = cumulative - claimed;
        emit Claimed(account, to, amount);
        if (!TryTransfer.tryTransfer(TOKEN, to, amount, gasleft())) {
            revert PaymentFailed(to, amount);
        }
    }

    function _payRange(
        uint256[] calldata packed,
        uint256[] memory masks
    ) private returns (uint256 amount) {
        uint256 stipend = PAYOUTS.programOf(PROGRAM).terms.stipend;
        uint256 gasFloor = (64 * stipend) / 63 + 1 + GAS_RESERVE;
        for (uint256 i = 0; i < packed.length; ++i) {
            uint256 entry = packed[i];
            if (entry == 0) continue;
            uint256 paid = _payLeaf(i, entry, stipend, gasFloor);
            if (paid == 0) continue;
            amount += paid;
            masks[i / WORD] |= 1 << (i % WORD);
        }
    }

    /// @return paid 0 when the leaf had nothing to claim or its account refused.
    function _payLeaf(
        uint256 position,
        uint256 entry,
        uint256 stipend,
        uint256 gasFloor
    ) private returns (uint256 paid) {
        (address account, uint256 cumulative) = (address(uint160(entry >> 96)), uint96(entry));
        uint256 claimed = _claimed[account];
        if (cumulative <= claimed) return 0;
        if (gasleft() < gasFloor) revert GasTooLow(position);
        _claimed[account] = cumulative;
        paid = cumulative - claimed;
        if (TryTransfer.tryTransfer(TOKEN, account, paid, stipend)) return paid;
        _claimed[account] = claimed;
        emit ClaimRefused(account, paid);
        return 0;
    }

    function _isGuardian(address account) private view returns (bool) {
        return IAccessControl(address(PAYOUTS)).hasRole(GUARDIAN_ROLE, account);
    }
}
