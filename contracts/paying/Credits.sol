// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Money} from "./Money.sol";
import {IPaying} from "../interfaces/IPaying.sol";

/// @title Refused payments, waiting for their owner (R-32)
/// @notice Keyed by fund address: what several nodes of one owner were refused adds up.
abstract contract Credits is Money, EIP712, Nonces {
    uint256 public constant CREDIT_MOVABLE_AFTER = 180 days;
    uint256 public constant CREDIT_MOVE_NOTICE = 30 days;

    struct Credit {
        uint128 amount;
        uint40 since; // when the credit last grew from nothing
    }

    struct CreditMove {
        address to;
        uint40 readyAt;
    }

    bytes32 private constant WITHDRAW_TYPEHASH = keccak256(
        "WithdrawTo(address account,address to,uint256 nonce,uint256 deadline)"
    );

    mapping(address account => Credit) private _credits;
    mapping(address account => CreditMove) private _moves;

    /// @inheritdoc IPaying
    function withdraw(address account) external nonReentrant {
        // A batch may have credited an address that cannot be paid: its credit waits to be moved.
        _checkRecipient(account);
        _withdraw(account, account);
    }

    /// @inheritdoc IPaying
    function withdrawTo(address to) external nonReentrant {
        _checkRecipient(to);
        _withdraw(msg.sender, to);
    }

    /// @inheritdoc IPaying
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

    /// @inheritdoc IPaying
    function proposeCreditMove(address account, address to) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _checkRecipient(to);
        Credit memory credit = _credits[account];
        if (credit.amount == 0) revert NoCredit(account);
        uint256 movableFrom = credit.since + CREDIT_MOVABLE_AFTER;
        if (block.timestamp < movableFrom) revert CreditTooYoung(account, movableFrom);
        uint256 readyAt = block.timestamp + CREDIT_MOVE_NOTICE;
        _moves[account] = CreditMove({to: to, readyAt: uint40(readyAt)});
        emit CreditMoveProposed(account, to, readyAt);
    }

    /// @inheritdoc IPaying
    function cancelCreditMove() external {
        if (_moves[msg.sender].to == address(0)) revert NoCreditMove(msg.sender);
        delete _moves[msg.sender];
        emit CreditMoveCancelled(msg.sender);
    }

    /// @inheritdoc IPaying
    function executeCreditMove(address account) external {
        CreditMove memory move = _moves[account];
        if (move.to == address(0)) revert NoCreditMove(account);
        if (block.timestamp < move.readyAt) revert CreditMoveNotReady(account, move.readyAt);
        uint256 amount = _credits[account].amount;
        if (amount == 0) revert NoCredit(account);
        delete _moves[account];
        delete _credits[account];
        _addCredit(move.to, amount);
        emit CreditMoved(account, move.to, amount);
    }

    /// @inheritdoc IPaying
    function creditOf(address account) external view returns (uint256 amount, uint256 since) {
        return (_credits[account].amount, _credits[account].since);
    }

    /// @dev Takes the amount out of the contract's total of credits.
    function _creditPaid(uint256 amount) internal virtual;

    /// @dev The caller adds the amount to the contract's total of credits.
    function _addCredit(address account, uint256 amount) internal {
        Credit memory credit = _credits[account];
        uint40 since = credit.amount == 0 ? uint40(block.timestamp) : credit.since;
        _credits[account] = Credit({amount: uint128(credit.amount + amount), since: since});
    }

    function _withdraw(address account, address to) private {
        uint256 amount = _credits[account].amount;
        if (amount == 0) revert NoCredit(account);
        delete _credits[account];
        delete _moves[account];
        _creditPaid(amount);
        emit Withdrawn(account, to, amount);
        _pay(to, amount);
    }
}
