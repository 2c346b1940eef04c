// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Credit, CreditMove} from "./RewardsState.sol";
import {Treasury} from "./Treasury.sol";
import {IValidatorRewards} from "../interfaces/IValidatorRewards.sol";

/// @title Refused payments, waiting for their owner (R-32)
/// @notice Keyed by fund address: what several nodes of one owner were refused adds up.
abstract contract Credits is Treasury, EIP712, Nonces {
    uint256 public constant CREDIT_MOVABLE_AFTER = 180 days;
    uint256 public constant CREDIT_MOVE_NOTICE = 30 days;

    bytes32 private constant WITHDRAW_TYPEHASH = keccak256(
        "WithdrawTo(address account,address to,uint256 nonce,uint256 deadline)"
    );

    /// @inheritdoc IValidatorRewards
    function withdraw(address account) external nonReentrant {
        _withdraw(account, account);
    }

    /// @inheritdoc IValidatorRewards
    function withdrawTo(address to) external nonReentrant {
        _checkRecipient(to);
        _withdraw(msg.sender, to);
    }

    /// @inheritdoc IValidatorRewards
    function withdrawToBySig(
        address account,
        address to,
        uint256 deadline,
        bytes calldata signature
    ) external nonReentrant {
        if (block.timestamp > deadline) revert SignatureExpired(deadline);
        _checkRecipient(to);
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(WITHDRAW_TYPEHASH, account, to, _useNonce(account), deadline))
        );
        if (!SignatureChecker.isValidSignatureNow(account, digest, signature))
            revert BadSignature(account);
        _withdraw(account, to);
    }

    /// @inheritdoc IValidatorRewards
    function proposeCreditMove(address account, address to) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _checkRecipient(to);
        Credit memory credit = _s.credits[account];
        if (credit.amount == 0) revert NoCredit(account);
        uint256 movableFrom = credit.since + CREDIT_MOVABLE_AFTER;
        if (block.timestamp < movableFrom) revert CreditTooYoung(account, movableFrom);
        uint256 readyAt = block.timestamp + CREDIT_MOVE_NOTICE;
        _s.moves[account] = CreditMove({to: to, readyAt: uint40(readyAt)});
        emit CreditMoveProposed(account, to, readyAt);
    }

    /// @inheritdoc IValidatorRewards
    function cancelCreditMove() external {
        if (_s.moves[msg.sender].to == address(0)) revert NoCreditMove(msg.sender);
        delete _s.moves[msg.sender];
        emit CreditMoveCancelled(msg.sender);
    }

    /// @inheritdoc IValidatorRewards
    function executeCreditMove(address account) external {
        CreditMove memory move = _s.moves[account];
        if (move.to == address(0)) revert NoCreditMove(account);
        if (block.timestamp < move.readyAt) revert CreditMoveNotReady(account, move.readyAt);
        uint256 amount = _s.credits[account].amount;
        if (amount == 0) revert NoCredit(account);
        delete _s.moves[account];
        delete _s.credits[account];
        _addCredit(move.to, amount);
        emit CreditMoved(account, move.to, amount);
    }

    /// @inheritdoc IValidatorRewards
    function creditOf(address account) external view returns (uint256 amount, uint256 since) {
        return (_s.credits[account].amount, _s.credits[account].since);
    }

    /// @dev The caller moves the amount from unpaid to credits in the gate.
    function _addCredit(address account, uint256 amount) internal {
        Credit memory credit = _s.credits[account];
        uint40 since = credit.amount == 0 ? uint40(block.timestamp) : credit.since;
        _s.credits[account] = Credit({amount: uint128(credit.amount + amount), since: since});
    }

    function _withdraw(address account, address to) private {
        uint256 amount = _s.credits[account].amount;
        if (amount == 0) revert NoCredit(account);
        delete _s.credits[account];
        delete _s.moves[account];
        _s.gate.credits -= uint104(amount);
        emit Withdrawn(account, to, amount);
        _pay(to, amount);
    }
}
