// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IPaying} from "./IPaying.sol";

/// @title The hand of the programs whose pay is calculated off-chain
/// @notice A program is a number with a payer, money of its own and a budget. A batch is (program, sequence number) and
/// is paid once. Amounts are in the smallest unit of the asset.
interface IProgramPayouts is IPaying {
    /// @param payer May pay batches and submit roots for the program.
    /// @param capacity Most that the budget holds: what can leave at once. 0: nothing leaves.
    /// @param perDay Units by which the budget refills in 24 hours, up to the capacity.
    /// @param stipend Gas a payee (native) or the token's transfer gets, within MIN_STIPEND … MAX_STIPEND.
    /// @param maxRefused Refusals after which a batch stops cleanly, 1 … 32.
    struct Terms {
        address payer;
        uint96 capacity;
        uint96 perDay;
        uint24 stipend;
        uint8 maxRefused;
    }

    /// @param balance The program's own money: funded − paid − credited − moved to its claims.
    /// @param available What its budget lets out now; the balance may be less.
    /// @param claims Its claims contract; zero while it has none.
    struct Program {
        Terms terms;
        uint256 balance;
        uint256 available;
        address claims;
    }

    /// @param balances Sum of all programs' balances.
    /// @param credits Refused payments waiting to be withdrawn.
    /// @param balance What the contract holds: at least balances + credits.
    struct Books {
        uint256 balances;
        uint256 credits;
        uint256 balance;
    }

    event ProgramAdded(uint32 indexed program, Terms terms);
    event TermsSet(uint32 indexed program, Terms terms);
    event BudgetLowered(uint32 indexed program, uint96 capacity, uint96 perDay);
    event PayerRevoked(uint32 indexed program, address payer);
    event ClaimsSet(uint32 indexed program, address claims);
    event Funded(uint32 indexed program, address indexed from, uint256 amount);
    event Skimmed(uint32 indexed program, uint256 amount);
    event FundsReturned(uint32 indexed program, address indexed to, uint256 amount);
    event MovedToClaims(uint32 indexed program, address indexed claims, uint256 amount);

    /// @notice One a batch. Payments [0, done) were made: each is in the batch's calldata, whose hash this is, and was
    /// paid unless a PaymentRefused of this transaction names it. Payments from `done` on were not touched and need
    /// another sequence number.
    /// @param payloadHash keccak256 of the packed words.
    event BatchPaid(
        uint32 indexed program,
        uint64 indexed seq,
        bytes32 payloadHash,
        uint256 done,
        uint256 paid,
        uint256 credited
    );
    /// @param position The payment's place in the batch, from 0.
    event PaymentRefused(
        uint32 indexed program,
        uint64 indexed seq,
        uint256 position,
        address indexed to,
        uint256 amount
    );

    error ProgramKnown(uint32 program);
    error ProgramUnknown(uint32 program);
    error NotPayer(address caller, uint32 program);
    error NotClaims(address caller, uint32 program);
    error BatchAlreadyPaid(uint32 program, uint64 seq);
    error BatchEmpty();
    error GasTooLow(uint256 position);
    error BudgetExceeded(uint32 program, uint256 wanted, uint256 available);
    error BalanceExceeded(uint32 program, uint256 wanted, uint256 balance);
    error BudgetNotLower(uint32 program);
    error Shortfall(uint256 balance, uint256 owed);

    /// @notice Adds a program. Admin only.
    /// @dev Reverts: ProgramKnown, BadRecipient, BadParam.
    function addProgram(uint32 program, Terms calldata terms) external;

    /// @notice Replaces a program's terms; the budget keeps what it holds, up to the new capacity. Admin only.
    function setTerms(uint32 program, Terms calldata terms) external;

    /// @notice Lowers a program's budget at once: neither number may rise, one must fall. Guardian only.
    function lowerBudget(uint32 program, uint96 capacity, uint96 perDay) external;

    /// @notice Takes a program's payer away at once: no batch, and no money for a root. Guardian only.
    function revokePayer(uint32 program) external;

    /// @notice Names the contract to which accepted roots move their money. Admin only.
    function setClaims(uint32 program, address claims) external;

    /// @notice Adds money to a program. Anyone.
    /// @param amount Native coin: equals msg.value. Token: pulled by transferFrom; what arrives is booked.
    function fund(uint32 program, uint256 amount) external payable;

    /// @notice Books coin or tokens that came in without `fund` to a program. Admin only: they have no other owner.
    function skim(uint32 program) external;

    /// @notice Sends money of a program that it does not need back. Admin only; the budget does not limit it.
    function returnFunds(uint32 program, address to, uint256 amount) external;

    /// @notice Pays a batch, once: each word is the payee's address (upper 160 bits) and the amount (lower 96). A refused
    /// payment becomes a credit; after maxRefused payees refused the batch stops before the next payment. Payer only.
    /// @dev Reverts: NotPayer, BatchAlreadyPaid, BatchEmpty, ListTooLong, GasTooLow (never guess the gas limit by
    /// estimate), BudgetExceeded, BalanceExceeded, Shortfall (the token took more than was paid), Paused.
    function pay(uint32 program, uint64 seq, uint256[] calldata packed) external;

    /// @notice Sends money to the program's claims contract, within its budget. That contract only, and only while the
    /// program has a payer.
    function moveToClaims(uint32 program, uint256 amount) external;

    function programOf(uint32 program) external view returns (Program memory);
    function books() external view returns (Books memory);

    /// @return Whether the sequence number was used.
    function isPaid(uint32 program, uint64 seq) external view returns (bool);

    /// @return 256 sequence numbers from 256 * word on: bit i is set when 256 * word + i was used.
    function paidWord(uint32 program, uint56 word) external view returns (uint256);
}
