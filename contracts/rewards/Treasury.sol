// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IHeartbeatRegistry} from "../interfaces/IHeartbeatRegistry.sol";
import {IValidatorRewards} from "../interfaces/IValidatorRewards.sol";
import {Credits} from "../paying/Credits.sol";
import {Money} from "../paying/Money.sol";
import {Pausing} from "../paying/Pausing.sol";
import {RewardsState, RewardsStateLib} from "./RewardsState.sol";

/// @title The money: what came in, what is owed, what is left
/// @notice pool = funded - drawn. Balance >= pool + unpaid + credits always holds; all three are running totals.
/// Funding is checkpointed by cycle, so that a cycle sees only what was funded before its cut (R-20).
abstract contract Treasury is IValidatorRewards, Credits, Pausing {
    using RewardsStateLib for RewardsState;

    bytes32 public constant KEEPER_ROLE = keccak256("KEEPER_ROLE");

    /// @notice Silence after which the pool may go back to the sponsor (R-42).
    uint256 public constant ABANDONED_AFTER = 90 days;

    IHeartbeatRegistry public immutable REGISTRY;
    address public immutable SPONSOR;

    RewardsState internal _s;

    constructor(IHeartbeatRegistry registry, address token, address sponsor) Money(token) {
        if (address(registry).code.length == 0) revert BadRecipient(address(registry));
        if (sponsor == address(0)) revert BadRecipient(sponsor);
        REGISTRY = registry;
        SPONSOR = sponsor;
        _s.book.lastSettledAt = uint40(block.timestamp);
        _s.book.next = 1;
    }

    /// @inheritdoc IValidatorRewards
    function fund(uint256 amount) external payable nonReentrant {
        uint256 received = _receive(amount, msg.value);
        emit Funded(msg.sender, _bookFunds(received), received);
    }

    /// @inheritdoc IValidatorRewards
    function skim() external nonReentrant {
        uint256 balance = _balance();
        uint256 owed = _s.owed();
        if (balance <= owed) revert NoSurplus();
        emit Skimmed(_bookFunds(balance - owed), balance - owed);
    }

    /// @inheritdoc IValidatorRewards
    function returnToSponsor() external nonReentrant {
        uint256 from = _s.book.lastSettledAt + ABANDONED_AFTER;
        if (block.timestamp < from) revert StillAlive(from);
        uint32 next = _s.book.next;
        if (_s.cycles[next].state == State.Counting) revert CycleBeingCounted(next);
        uint256 pool = _s.fundedTotal() - _s.book.drawn;
        if (pool == 0) revert NoSurplus();
        _s.book.drawn += uint128(pool);
        emit ReturnedToSponsor(SPONSOR, pool);
        _pay(SPONSOR, pool);
    }

    /// @inheritdoc IValidatorRewards
    function books() external view returns (Books memory b) {
        b.funded = _s.fundedTotal();
        b.pool = b.funded - _s.book.drawn;
        b.unpaid = _s.gate.unpaid;
        b.credits = _s.gate.credits;
        b.balance = _balance();
    }

    function _creditPaid(uint256 amount) internal override {
        _s.gate.credits -= uint104(amount);
    }

    function _pausedUntil() internal view override returns (uint256) {
        return _s.gate.pausedUntil;
    }

    function _setPausedUntil(uint40 until) internal override {
        _s.gate.pausedUntil = until;
    }

    function _mayReceive(address to) internal view override returns (bool) {
        return super._mayReceive(to) && to != address(REGISTRY);
    }

    /// @return cycle The cycle whose pool the money joins: the one open now, the first before the grid begins, and
    /// never one that is decided already.
    function _bookFunds(uint256 amount) private returns (uint32 cycle) {
        if (amount == 0) revert NothingReceived();
        uint256 balance = _balance();
        if (balance > MAX_BALANCE) revert TooMuchMoney(balance, MAX_BALANCE);
        cycle = REGISTRY.cycleAt(block.timestamp);
        if (cycle == 0) cycle = 1;
        _s.addFunds(cycle, amount);
    }
}
