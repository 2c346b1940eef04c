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
/// @notice Its own balance is the counter: what accepted roots moved in and nobody has claimed. A payer may only propose,
/// a guardian may only delay, and a claim pays the leaf's own account. A root decides about all that is in here: the
/// delay is there for somebody to compare each proposal with its file, and for the guardian to veto it.
contract ProgramClaims is IProgramClaims, ReentrancyGuardTransient {
    using PauseBudget for PauseBudget.Pauses;

    uint256 public constant MIN_DELAY = 1 hours;
    uint256 public constant MAX_DELAY = 14 days;

    /// @dev One word of the mask, and 15 M gas at worst: 256 leaves at 58,000, all of whose slots and accounts are new.
    uint256 public constant MAX_RANGE = 256;

    /// @notice In the place of leaves that do not exist: keccak256 of a text, which is no leaf's double hash.
    bytes32 public constant PADDING = keccak256("Muster: no leaf");

    /// @dev Gas that must be left beside the payee's: a new leaf (20,000), the call itself (11,600), putting the leaf
    /// back, its event, the range's event with the hash of 256 words.
    uint256 private constant GAS_RESERVE = 60_000;
    bytes32 private constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");

    IProgramPayouts public immutable PAYOUTS;
    uint32 public immutable PROGRAM;
    uint256 public immutable DELAY;
    address private immutable TOKEN;

    bytes32 private _root;
    Pending private _pending;
    uint128 private _total;
    uint40 private _asideUntil;
    bytes32 private _aside;
    mapping(bytes32 root => bool) public barred;
    mapping(address account => uint256) private _claimed;
    PauseBudget.Pauses private _pauses;
    bool private transient _accepting;

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

    /// @dev Coin comes from accepted roots alone: what a batch paid to this address would be in no book.
    receive() external payable {
        if (!_accepting || msg.sender != address(PAYOUTS)) revert CoinNotExpected(msg.sender);
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
        if (block.timestamp < _asideUntil && _aside != bytes32(0)) _aside = p.root;
        else (_root, _aside) = (p.root, bytes32(0));
        emit RootAccepted(p.root, p.total, moved);
        _accepting = true;
        PAYOUTS.moveToClaims(PROGRAM, moved);
        _accepting = false;
    }

    /// @inheritdoc IProgramClaims
    function setAside(uint256 duration) external onlyGuardian {
        bytes32 active = _root == bytes32(0) ? _aside : _root;
        if (active == bytes32(0)) revert RootEmpty();
        _asideUntil = _pauses.begin(duration);
        (_aside, _root) = (active, bytes32(0));
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
        (_root, _aside) = (aside, bytes32(0));
        emit RootRestored(aside);
    }

    /// @inheritdoc IProgramClaims
    /// @dev Without the guard, as claimFor: a leaf is settled before its payee is called, and who claims from within a
    /// claim or a range settles another leaf or finds nothing to claim.
    function claim(uint256 cumulative, bytes32[] calldata proof, address to) external {
        _claim(msg.sender, cumulative, proof, to);
    }

    /// @inheritdoc IProgramClaims
    function claimFor(address account, uint256 cumulative, bytes32[] calldata proof) external {
        _claim(account, cumulative, proof, account);
    }

    /// @inheritdoc IProgramClaims
    function claimRange(uint256[] calldata packed, bytes32[] calldata path) external nonReentrant {
        uint256 n = packed.length;
        if (n == 0 || n > MAX_RANGE || n & (n - 1) != 0) revert RangeInvalid(n);
        bytes32 top = LeafTree.climb(LeafTree.rootOf(packed, PROGRAM, PADDING), path);
        _checkRoot(top);
        (uint256 amount, uint256 mask) = _payRange(packed);
        emit RangeClaimed(top, LeafTree.hashOf(packed), amount, mask);
    }

    /// @inheritdoc IProgramClaims
    function root() external view returns (bytes32) {
        return _root == bytes32(0) && block.timestamp >= _asideUntil ? _aside : _root;
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
        if (!_mayReceive(to)) revert BadRecipient(to);
        _checkRoot(LeafTree.climb(leafOf(account, cumulative), proof));
        uint256 claimed = _claimed[account];
        if (cumulative <= claimed) revert NothingToClaim(account);
        _claimed[account] = cumulative;
        uint256 amount = cumulative - claimed;
        emit Claimed(account, to, amount);
        if (!TryTransfer.tryTransfer(TOKEN, to, amount, gasleft())) {
            revert PaymentFailed(to, amount);
        }
    }

    /// @dev The usual case reads one slot. A root set aside is in force again after its time without anybody's doing.
    function _checkRoot(bytes32 top) private view {
        if (top == _root) return;
        uint256 until = _asideUntil;
        if (_root == bytes32(0) && block.timestamp < until) revert RootRests(until);
        if (top != _aside) revert ProofInvalid();
    }

    /// @dev Nobody, this contract, the token, the hand: what goes there is lost, or is nobody's.
    function _mayReceive(address to) private view returns (bool) {
        return to != address(0) && to != address(this) && to != TOKEN && to != address(PAYOUTS);
    }

    function _payRange(uint256[] calldata packed) private returns (uint256 amount, uint256 mask) {
        uint256 stipend = PAYOUTS.programOf(PROGRAM).terms.stipend;
        uint256 gasFloor = (64 * stipend) / 63 + 1 + GAS_RESERVE;
        for (uint256 i = 0; i < packed.length; ++i) {
            uint256 entry = packed[i];
            if (entry == 0) continue;
            uint256 paid = _payLeaf(i, entry, stipend, gasFloor);
            if (paid == 0) continue;
            amount += paid;
            mask |= 1 << i;
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
        if (_mayReceive(account) && TryTransfer.tryTransfer(TOKEN, account, paid, stipend))
            return paid;
        _claimed[account] = claimed;
        emit ClaimRefused(account, paid);
        return 0;
    }

    function _isGuardian(address account) private view returns (bool) {
        return IAccessControl(address(PAYOUTS)).hasRole(GUARDIAN_ROLE, account);
    }
}
