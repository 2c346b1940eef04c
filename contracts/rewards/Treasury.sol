// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IHeartbeatRegistry} from "../interfaces/IHeartbeatRegistry.sol";
import {IValidatorRewards} from "../interfaces/IValidatorRewards.sol";
import {TryTransfer} from "../libraries/TryTransfer.sol";
import {RewardsState, RewardsStateLib} from "./RewardsState.sol";

/// @title The money: what came in, what is owed, what is left
/// @notice pool = funded - drawn. Balance >= pool + unpaid + credits always holds; all three are running totals.
/// Funding is checkpointed by cycle, so that a cycle sees only what was funded before its cut (R-20).
abstract contract Treasury is IValidatorRewards, AccessControl, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using RewardsStateLib for RewardsState;

    bytes32 public constant KEEPER_ROLE = keccak256("KEEPER_ROLE");
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");

    /// @dev Money the contract may hold: 2e31 units. Three totals then fit two slots.
    uint256 public constant MAX_BALANCE = type(uint104).max;

    /// @notice Silence after which the pool may go back to the sponsor (R-42).
    uint256 public constant ABANDONED_AFTER = 90 days;

    IHeartbeatRegistry public immutable REGISTRY;
    address public immutable SPONSOR;
    address internal immutable TOKEN;

    RewardsState internal _s;

    constructor(IHeartbeatRegistry registry, address token, address sponsor) {
        if (address(registry).code.length == 0) revert BadRecipient(address(registry));
        if (sponsor == address(0)) revert BadRecipient(sponsor);
        if (token != address(0)) {
            if (token.code.length == 0) revert NotAToken(token);
            // A contract that does not answer this is no token; the call reverts.
            IERC20(token).balanceOf(address(this));
        }
        REGISTRY = registry;
        TOKEN = token;
        SPONSOR = sponsor;
        _s.book.lastSettledAt = uint40(block.timestamp);
        _s.book.next = 1;
    }

    /// @inheritdoc IValidatorRewards
    function asset() external view returns (address) {
        return TOKEN;
    }

    /// @inheritdoc IValidatorRewards
    function fund(uint256 amount) external payable nonReentrant {
        uint256 expected = TOKEN == address(0) ? amount : 0;
        if (msg.value != expected) revert WrongValue(msg.value, expected);
        uint256 received = amount;
        if (TOKEN != address(0)) {
            uint256 before = _balance();
            IERC20(TOKEN).safeTransferFrom(msg.sender, address(this), amount);
            received = _balance() - before;
        }
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

    function _balance() internal view returns (uint256) {
        return TOKEN == address(0) ? address(this).balance : IERC20(TOKEN).balanceOf(address(this));
    }

    /// @dev Pays with all gas or reverts: for the payee's own calls.
    function _pay(address to, uint256 amount) internal {
        if (!TryTransfer.tryTransfer(TOKEN, to, amount, gasleft()))
            revert PaymentFailed(to, amount);
    }

    function _checkRecipient(address to) internal view {
        if (to == address(0) || to == address(this) || to == TOKEN || to == address(REGISTRY))
            revert BadRecipient(to);
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
