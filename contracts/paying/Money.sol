// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IPaying} from "../interfaces/IPaying.sol";
import {TryTransfer} from "../libraries/TryTransfer.sol";

/// @title One asset: what came in, and a payment that must succeed
/// @notice The native coin, or one ERC-20 without fees on transfer and without rebasing (R-41).
abstract contract Money is IPaying, AccessControl, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");

    /// @dev Money the contract may hold: 2e31 units. Its totals then fit a slot or two.
    uint256 public constant MAX_BALANCE = type(uint104).max;

    address internal immutable TOKEN;

    constructor(address token) {
        if (token != address(0)) {
            if (token.code.length == 0) revert NotAToken(token);
            // A contract that does not answer this is no token; the call reverts.
            IERC20(token).balanceOf(address(this));
        }
        TOKEN = token;
    }

    /// @inheritdoc IPaying
    function asset() external view returns (address) {
        return TOKEN;
    }

    function _balance() internal view returns (uint256) {
        return TOKEN == address(0) ? address(this).balance : IERC20(TOKEN).balanceOf(address(this));
    }

    /// @param value What came with the call, which only a payable function may ask.
    /// @return received What the sender's `amount` brought: the value, or the difference around our own transferFrom.
    function _receive(uint256 amount, uint256 value) internal returns (uint256 received) {
        uint256 expected = TOKEN == address(0) ? amount : 0;
        if (value != expected) revert WrongValue(value, expected);
        if (TOKEN == address(0)) return amount;
        uint256 before = _balance();
        IERC20(TOKEN).safeTransferFrom(msg.sender, address(this), amount);
        return _balance() - before;
    }

    /// @dev Pays with all gas or reverts: for the payee's own calls.
    function _pay(address to, uint256 amount) internal {
        if (!TryTransfer.tryTransfer(TOKEN, to, amount, gasleft()))
            revert PaymentFailed(to, amount);
    }

    function _checkRecipient(address to) internal view {
        if (!_mayReceive(to)) revert BadRecipient(to);
    }

    /// @dev Nobody, this contract, or the token: what goes there is lost, or is nobody's.
    function _mayReceive(address to) internal view virtual returns (bool) {
        return to != address(0) && to != address(this) && to != TOKEN;
    }

    function _checkRange(bytes32 name, uint256 given, uint256 min, uint256 max) internal pure {
        if (given < min || given > max) revert BadParam(name, given, min, max);
    }
}
